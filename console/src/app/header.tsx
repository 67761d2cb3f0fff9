import { ActionIcon, Burger, Menu, Tooltip, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Link } from "wouter";
import type { Project } from "../../../gen/ts/api/v1/project_pb.js";
import { Icon, type IconName } from "../kit/icons.js";
import { problemText } from "../kit/problem.js";
import classes from "./frame.module.css";
import { showKeys } from "./keys.js";
import mark from "./mark.svg";
import { ProjectSwitcher } from "./project-switcher.js";
import { session } from "./session.js";
import { useSession } from "./use-session.js";

/** Where one is, and who one is. */
export function Header(props: { projects: readonly Project[]; current: Project | undefined; onMenu: () => void }) {
  return (
    <header className={classes.header}>
      <Burger className={classes.burger} size="sm" opened={false} onClick={props.onMenu} aria-label="Open the menu" />
      <Link href="/" className={classes.brand} aria-label="Slipway, home">
        <img src={mark} alt="" width={22} height={22} />
        <span className={classes.brandName}>Slipway</span>
      </Link>
      <ProjectSwitcher projects={props.projects} current={props.current} />
      <div className={classes.headerEnd}>
        <Tooltip label="Keys ( ? )">
          <ActionIcon size="lg" aria-label="Show the keys" onClick={showKeys} className={classes.wideOnly}>
            <Icon name="keyboard" size={18} />
          </ActionIcon>
        </Tooltip>
        <ThemeToggle />
        <UserMenu />
      </div>
    </header>
  );
}

const themes = {
  light: { next: "dark", icon: "sun", label: "Light theme" },
  dark: { next: "auto", icon: "moon", label: "Dark theme" },
  auto: { next: "light", icon: "auto", label: "Theme of the system" },
} as const satisfies Record<string, { next: string; icon: IconName; label: string }>;

/** Light, dark, or what the system has. */
export function ThemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { next, icon, label } = themes[colorScheme];
  return (
    <Tooltip label={`${label}; click for another`}>
      <ActionIcon size="lg" aria-label={`${label}; change`} onClick={() => setColorScheme(next)}>
        <Icon name={icon} size={18} />
      </ActionIcon>
    </Tooltip>
  );
}

function UserMenu() {
  const { login } = useSession();
  const signOut = () =>
    session.signOut().catch((error: unknown) => {
      notifications.show({ color: "red", title: "You are still signed in", message: problemText(error) });
    });
  return (
    <Menu>
      <Menu.Target>
        <UnstyledButton className={classes.user} aria-label={`Account of ${login ?? "you"}`}>
          <Icon name="user" />
          <span className={classes.userName}>{login}</span>
          <Icon name="down" size={12} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Signed in as {login}</Menu.Label>
        <Menu.Item leftSection={<Icon name="keyboard" />} onClick={showKeys}>
          Keys
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="exit" />} onClick={() => void signOut()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
