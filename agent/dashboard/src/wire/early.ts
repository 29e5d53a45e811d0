// What the page needs in any case is asked for before anything is rendered, all at once: by index.html, whose answers a request that is
// like its own takes over, with the credentials and the cache of a usual one. Each answer is taken once; who comes later, or finds an
// error, asks again as always.
const asked = new Map<string, Promise<unknown>>();

async function ask(path: string): Promise<unknown> {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (!answer.ok) {
    throw new Error(`HTTP ${answer.status}`);
  }
  return answer.json();
}

export function askEarly(...paths: string[]): void {
  for (const path of paths) {
    const answer = ask(path);
    answer.catch(() => {}); // whoever takes it hears of it
    asked.set(path, answer);
  }
}

/** The answer that was asked for early, as `otherwise` gets it where there is none. */
export async function takeEarly<T>(path: string, otherwise: () => Promise<T>): Promise<T> {
  const answer = asked.get(path);
  asked.delete(path);
  return answer === undefined ? otherwise() : (answer as Promise<T>).catch(otherwise);
}
