import { useMutation } from "@connectrpc/connect-query";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import {
  type Volume,
  type VolumeLabel,
  VolumeService,
  type VolumeServiceUpdateRequest,
  VolumeServiceUpdateRequestSchema,
} from "../../../../gen/ts/api/v1/volume_pb.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { isPlatformLabel } from "./state.js";

/** Changes the labels of a volume that are not the platform's. */
export function LabelsForm({ volume, onDone }: { volume: Volume; onDone: () => void }) {
  const { uuid, project, name } = volume;
  const queryClient = useQueryClient();
  const update = useMutation(VolumeService.method.update);
  const own = volume.labels.filter(({ key }) => !isPlatformLabel(key));
  const save = async (message: VolumeServiceUpdateRequest) => {
    const changed = changesOf(own, message.labels?.update ?? []);
    if (changed.update.length + changed.remove.length > 0) {
      await update.mutateAsync({ uuid, project, labels: changed });
      void queryClient.invalidateQueries();
      notifications.show({ message: `The labels of ${name} are changed.` });
    }
    onDone();
  };
  return (
    <ProtoForm
      schema={VolumeServiceUpdateRequestSchema}
      id={`volume:labels:${uuid}`}
      initial={{ uuid, project, labels: { update: own } }}
      layout={[
        {
          field: "labels.update",
          label: "Labels",
          item: "label",
          fields: [
            { field: "key", required: true },
            { field: "value", required: true },
          ],
        },
      ]}
      action="Save labels"
      onSubmit={save}
      onCancel={onDone}
    />
  );
}

/** Only what was changed, so that labels that somebody else has given in the meantime stay. */
function changesOf(before: readonly VolumeLabel[], after: readonly VolumeLabel[]) {
  const old = new Map(before.map(({ key, value }) => [key, value]));
  const kept = new Set(after.map(({ key }) => key));
  return {
    update: after.filter(({ key, value }) => old.get(key) !== value).map(({ key, value }) => ({ key, value })),
    remove: [...old.keys()].filter((key) => !kept.has(key)),
  };
}
