// What the page keeps of what somebody has typed or chosen, so that nobody else finds it.
let person: string | null = null;
const forgets = new Set<() => void>();

/** `forget` is called once somebody has signed out, or somebody else has signed in. */
export function forgetWithPerson(forget: () => void): void {
  forgets.add(forget);
}

/**
 * Takes who uses the page. Without a name nothing is forgotten, unless `left`, on purpose: a session that has run out may be that of
 * the one who signs in next and goes on. Returns whether it is somebody else than before.
 */
export function personIs(name: string | null, left = false): boolean {
  const other = name !== null && person !== null && name !== person;
  if (left || other) {
    for (const forget of forgets) {
      forget();
    }
  }
  person = left ? null : (name ?? person);
  return other;
}
