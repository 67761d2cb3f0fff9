import { useLocation, useSearch } from "wouter";

/** What a drawer shows is named in the address, so that it can be linked to and gone back from. */
export function useOpened(name: string): { readonly id: string | undefined; readonly close: () => void } {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const id = new URLSearchParams(search).get(name) ?? undefined;
  return { id, close: () => navigate(path, { replace: true }) };
}
