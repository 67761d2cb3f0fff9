/** Most bytes of all files of a configuration: what holds them on a target holds 1 MiB. */
export const mostFileBytes = 524_288;
/** Most bytes of the names and values of all variables of a configuration. */
export const mostVariableBytes = 524_288;
export const mostVariables = 1_000;
export const mostFiles = 200;
export const mostSecretMounts = 100;

/** The bytes of texts together. */
export const textBytes = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
