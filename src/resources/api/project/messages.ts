import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ProjectMemberSchema, ProjectSchema } from "../../../../gen/ts/api/v1/project_pb.js";
import { projectRoles } from "../roles.js";
import type { ProjectMemberRow, ProjectRow } from "./store.js";

/** A project as the API shows it. */
export function projectMessage(row: ProjectRow): MessageInitShape<typeof ProjectSchema> {
  return {
    uuid: row.id,
    name: row.name,
    description: row.description,
    tenant: row.tenant,
    isDefaultProject: row.isDefault,
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
    ...(row.avatarUrl === null ? {} : { avatarUrl: row.avatarUrl }),
  };
}

/** A direct member of a project as the API shows it. */
export function projectMemberMessage(row: ProjectMemberRow): MessageInitShape<typeof ProjectMemberSchema> {
  return {
    id: row.member,
    role: projectRoles[row.role],
    inheritedMembership: false,
    createdAt: timestampFromDate(row.createdAt),
  };
}
