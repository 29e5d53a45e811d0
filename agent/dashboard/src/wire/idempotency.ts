/** A key that makes a POST that is sent again the same one. crypto.randomUUID is absent on plain http origins. */
export function newIdempotencyKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
