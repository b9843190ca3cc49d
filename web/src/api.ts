// The console's server: a session, and AWS operations that it signs and passes on as the user who signed in.

const BASE = "/_kansatsu/console/api/";
// Cookies are shared by all ports of a host; this is kept per origin, and the cookie is of no use without it.
const WORD = "kansatsu-console-word";

export interface Session {
  account: string;
  alias: string;
  user: string;
  arn: string;
  region: string;
  mfa: boolean;
  expires: number;
}

export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly fields: Record<string, unknown>,
  ) {
    super(message);
  }
  get requestId(): string {
    return String(this.fields.RequestId ?? "");
  }
}

type Ended = () => Promise<boolean>;
let ended: Ended = () => Promise.resolve(false);

/** What to do when a call finds that the session is over; true: the same user is signed in again, it is to be repeated. */
export function whenEnded(act: Ended): void {
  ended = act;
}

/** What to do when another page of this browser signed in or out: its session is this page's, too. */
export function whenElsewhere(signedIn: () => void, signedOut: () => void): () => void {
  // Without a key all of the storage was cleared.
  const heard = (event: StorageEvent) => {
    if (event.key === WORD || event.key === null) (event.newValue ? signedIn : signedOut)();
  };
  // A page that comes back as it was has heard nothing meanwhile.
  const back = (event: PageTransitionEvent) => event.persisted && localStorage.getItem(WORD) === null && signedOut();
  addEventListener("storage", heard);
  addEventListener("pageshow", back);
  return () => {
    removeEventListener("storage", heard);
    removeEventListener("pageshow", back);
  };
}

/** One answer, whether it is a success, and what it says. */
async function answered(door: string, given: object, word: string, patience: number): Promise<[boolean, Record<string, unknown>]> {
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), patience);
  try {
    const answer = await fetch(BASE + door, {
      method: "POST",
      headers: { "content-type": "application/json", "x-kansatsu-console": word },
      body: JSON.stringify(given),
      signal: end.signal,
    });
    return [answer.ok, (await answer.json()) as Record<string, unknown>];
  } catch {
    throw new Failure(end.signal.aborted ? "Unanswered" : "Unreachable", "", { seconds: patience / 1000 });
  } finally {
    clearTimeout(timer);
  }
}

const PAUSES = [250, 1000]; // milliseconds before what was cut off is asked again

/** Whenever the network of the machine changes, as with each container that begins, browsers cut off what waits for a
 * connection. INVARIANT: only what changes nothing is asked again. */
async function repeated(...asked: Parameters<typeof answered>): ReturnType<typeof answered> {
  for (const pause of PAUSES) {
    try {
      return await answered(...asked);
    } catch (error) {
      if ((error as Failure).code !== "Unreachable") throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return answered(...asked);
}

interface How {
  /** It changes nothing. */
  reads?: boolean;
  /** Milliseconds after which there is no more waiting for the answer. */
  patience?: number;
}

const PATIENCE = 60_000;

async function post<T>(door: string, given: object, how: How = {}): Promise<T> {
  const word = localStorage.getItem(WORD);
  const [ok, said] = await (how.reads ? repeated : answered)(door, given, word ?? "-", how.patience ?? PATIENCE);
  if (ok) return said as T;
  const failure = new Failure(String(said.code ?? "InternalFailure"), String(said.message ?? ""), said);
  const over = failure.code === "SessionEnded" && door === "call" && word === localStorage.getItem(WORD);
  if (over && (await ended())) return post<T>(door, given, how);
  throw failure;
}

export async function signIn(given: object): Promise<Session> {
  const said = await post<Session & { word: string }>("sign-in", given);
  localStorage.setItem(WORD, said.word);
  return said;
}

export async function session(): Promise<Session | null> {
  if (localStorage.getItem(WORD) === null) return null;
  try {
    return await post<Session>("session", {}, { reads: true });
  } catch (error) {
    if (error instanceof Failure && error.code === "SessionEnded") return null;
    throw error;
  }
}

export async function signOut(): Promise<void> {
  try {
    await post("sign-out", {});
  } finally {
    localStorage.removeItem(WORD);
  }
}

const READS = /^(Get|List|Describe|Explain|Simulate|Lint)/;
const LONGER = 600_000; // where a container is waited for, or months of records are read

export async function call<T>(service: string, operation: string, parameters: object = {}, patience?: number): Promise<T> {
  const how = { reads: READS.test(operation), patience: patience ?? (service === "iam" ? PATIENCE : LONGER) };
  return (await post<{ result: T }>("call", { service, operation, parameters }, how)).result;
}

interface Page {
  IsTruncated?: boolean;
  Marker?: string;
}

/** All items of an operation of IAM that pages; `part` is told what is there so far, soon first. */
export async function all<T>(operation: string, member: string, parameters: object = {}, part?: (found: T[]) => void): Promise<T[]> {
  const found: T[] = [];
  let marker: string | undefined;
  do {
    const page: Page & Record<string, unknown> = await call("iam", operation, {
      MaxItems: part && !marker ? 100 : 1000,
      ...parameters,
      ...(marker ? { Marker: marker } : {}),
    });
    found.push(...((page[member] as T[] | undefined) ?? []));
    marker = page.IsTruncated ? page.Marker : undefined;
    if (marker) part?.([...found]);
  } while (marker);
  return found;
}
