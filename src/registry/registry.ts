/** What a registry or repository wants to know of its caller. */
export interface RegistryCredentials {
  /** Host of the registry, as in `registry.example:5000`, or the URL of a chart repository; it is shown to no other. */
  readonly server: string;
  readonly username: string;
  readonly password: string;
}

/** Which chart. */
export interface ChartQuery {
  /** `https://…` with an index, or `oci://…`. */
  readonly repository: string;
  readonly name: string;
  /** Which versions would do, as Helm has it; empty for the newest that is no prerelease. */
  readonly version: string;
}

/** Asks registries of images and repositories of charts what there is. */
export interface Registry {
  /**
   * The digest of the manifest that a reference names now. Throws DomainError: "invalid" for what is no reference or
   * leads where the platform does not go, "missing" when the registry has it not or there is no such host,
   * "precondition" when it wants other credentials, "unavailable" when it does not answer in time or with what cannot
   * be used, and "exhausted" when too many ask at once. Nothing of an answer is in the words.
   */
  resolveImage(
    image: string,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly digest: string }>;
  /** The newest version of a chart that would do; `digest` is empty where the repository tells none. Throws as above. */
  resolveChart(
    chart: ChartQuery,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly version: string; readonly digest: string }>;
}
