/** A module that is loaded when it is first needed. */
export interface Lazy<M> {
  (): Promise<M>;
  /** The module after it was loaded, as columns need it: what they print came from it. */
  now(): M;
}

/** Makes a module lazy, so that help and completion need not load generated code. */
export function lazy<M>(load: () => Promise<M>): Lazy<M> {
  let loaded: M | undefined;
  const open = async (): Promise<M> => {
    loaded ??= await load();
    return loaded;
  };
  return Object.assign(open, {
    now(): M {
      if (loaded === undefined) throw new Error("this module is not loaded yet");
      return loaded;
    },
  });
}
