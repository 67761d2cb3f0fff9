import {
  type CSSVariablesResolver,
  createTheme,
  localStorageColorSchemeManager,
  type MantineColorsTuple,
} from "@mantine/core";

const harbor: MantineColorsTuple = [
  "#e9f7f9",
  "#d3ecf0",
  "#a6d8e1",
  "#75c3d0",
  "#4cb0c1",
  "#2a93a6",
  "#1b7a8c",
  "#126676",
  "#0d5362",
  "#07404c",
];

/** The grays of the dark theme, with a little of the blue of everything else. */
const night: MantineColorsTuple = [
  "#dfe5ea",
  "#b8c2cc",
  "#9aa6b2",
  "#6f7c89",
  "#37414c",
  "#262d35",
  "#1b2027",
  "#14181d",
  "#101317",
  "#0b0d10",
];

/** Colors, type and sizes of the console: dense, and in the fonts of the system. */
export const theme = createTheme({
  colors: { harbor, dark: night },
  primaryColor: "harbor",
  primaryShade: { light: 7, dark: 6 },
  defaultRadius: "sm",
  cursorType: "pointer",
  respectReducedMotion: true,
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  headings: { fontWeight: "600" },
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  components: {
    Button: { defaultProps: { size: "xs" } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray" } },
    TextInput: { defaultProps: { size: "sm" } },
    Select: { defaultProps: { size: "sm", checkIconPosition: "right" } },
    Tooltip: { defaultProps: { openDelay: 400, withArrow: false } },
    // The header of a dialog is no second banner of the page.
    Modal: {
      defaultProps: { centered: true, transitionProps: { duration: 120 }, attributes: { header: { role: "none" } } },
      styles: { title: { fontWeight: 600 } },
    },
    Drawer: { defaultProps: { transitionProps: { duration: 120 }, attributes: { header: { role: "none" } } } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Dismiss" } } },
    Menu: { defaultProps: { shadow: "md", transitionProps: { duration: 80 }, position: "bottom-end" } },
    Popover: { defaultProps: { transitionProps: { duration: 80 } } },
  },
});

/** Words in a lighter color must still be readable: 4.5 to 1 at least, in both themes. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#ffffff",
    "--mantine-color-text": "#1a2027",
    "--mantine-color-dimmed": "#5a6572",
    "--mantine-color-placeholder": "#66717e",
    "--mantine-color-default-border": "#d5dbe1",
    "--mantine-color-error": "#b3261e",
    "--mantine-color-anchor": "#0d5f6e",
    "--surface": "#f6f8f9",
    "--surface-hover": "#eef2f4",
    "--surface-active": "#dcebee",
    "--line": "#e3e8ec",
    "--line-strong": "#d5dbe1",
    "--good": "#1a7240",
    "--good-surface": "#e4f4ea",
    "--busy": "#0d5f8a",
    "--busy-surface": "#e2f0f8",
    "--warn": "#8a5300",
    "--warn-surface": "#fdf1dc",
    "--bad": "#b3261e",
    "--bad-surface": "#fce9e7",
    "--quiet": "#55606c",
    "--quiet-surface": "#edf0f3",
  },
  dark: {
    "--mantine-color-body": "#14181d",
    "--mantine-color-text": "#dfe5ea",
    "--mantine-color-dimmed": "#9aa6b2",
    "--mantine-color-placeholder": "#8a96a3",
    "--mantine-color-default": "#1b2027",
    "--mantine-color-default-hover": "#222932",
    "--mantine-color-default-border": "#37414c",
    "--mantine-color-error": "#ff8a80",
    "--mantine-color-anchor": "#63c3d2",
    "--surface": "#191e24",
    "--surface-hover": "#20262e",
    "--surface-active": "#1e3a42",
    "--line": "#262d35",
    "--line-strong": "#37414c",
    "--good": "#6fd195",
    "--good-surface": "#16301f",
    "--busy": "#76bdea",
    "--busy-surface": "#14293a",
    "--warn": "#f0b65a",
    "--warn-surface": "#33270f",
    "--bad": "#ff9a91",
    "--bad-surface": "#3a1a18",
    "--quiet": "#a7b2bd",
    "--quiet-surface": "#242b33",
  },
});

/** Where the choice of the theme is kept; `public/assets/theme.js` reads it, too. */
export const colorSchemes = localStorageColorSchemeManager({ key: "slipway:theme" });
