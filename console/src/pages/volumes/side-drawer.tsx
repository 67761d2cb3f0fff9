import { Drawer, Stack } from "@mantine/core";
import type { ReactNode } from "react";

/** What is known of one row of a list, beside the list. */
export function SideDrawer(props: { title: string; opened: boolean; onClose: () => void; children: ReactNode }) {
  const { title, opened, onClose, children } = props;
  return (
    <Drawer
      position="right"
      size="min(34rem, 100%)"
      opened={opened}
      onClose={onClose}
      title={<span style={{ overflowWrap: "anywhere", fontWeight: 600 }}>{title}</span>}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Stack gap="lg">{children}</Stack>
    </Drawer>
  );
}
