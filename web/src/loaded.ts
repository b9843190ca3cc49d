// What a page loads: the value, the error, or neither yet; and once more, when something changed.
import { type DependencyList, useCallback, useEffect, useState } from "react";

export interface Loaded<T> {
  value: T | undefined;
  error: unknown;
  loading: boolean;
  /** The value is the beginning of what is still loading. */
  partial?: boolean;
  reload: () => void;
}

/** `load` may tell parts, which are shown where nothing whole is; `every`: milliseconds after which it is loaded again by
 * itself, while the page is looked at. */
export function useLoaded<T>(load: (part?: (value: T) => void) => Promise<T>, on: DependencyList, every = 0): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, "reload">>({ value: undefined, error: undefined, loading: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let current = true;
    setState((before) => ({ ...before, loading: true }));
    const part = (value: T) =>
      current && setState((before) => (before.value && !before.partial ? before : { value, error: undefined, loading: true, partial: true }));
    load(part).then(
      (value) => current && setState({ value, error: undefined, loading: false }),
      (error: unknown) => current && setState({ value: undefined, error, loading: false }),
    );
    return () => {
      current = false;
    };
    // What it depends on is the caller's to say.
  }, [...on, turn]);
  useEvery(
    every,
    async () => {
      // What was there stays, under what is wrong with it now.
      const found = await load().then((value) => ({ value, error: undefined }), (error: unknown) => ({ error }));
      setState((before) => (before.loading ? before : { ...before, ...found }));
    },
    [...on, turn],
    every > 0 && state.value !== undefined,
  );
  return { ...state, reload: useCallback(() => setTurn((n) => n + 1), []) };
}

/** Do it again and again while the page is looked at, each time so long after the last one ended. */
export function useEvery(milliseconds: number, act: () => Promise<void>, on: DependencyList, active = true): void {
  useEffect(() => {
    if (!active) return;
    let timer = 0;
    let over = false;
    const run = async () => {
      if (!document.hidden) await act();
      if (!over) timer = window.setTimeout(() => void run(), milliseconds);
    };
    timer = window.setTimeout(() => void run(), milliseconds);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [...on, milliseconds, active]);
}
