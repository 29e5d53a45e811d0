import { useMe } from "../app/me";
import type { Me, Role } from "../wire/types";
import { useWords } from "../words/use";
import { Alert } from "./Alert";

type Right = keyof Me["rights"];
const roleOf: Record<Right, Role> = { read: "viewer", place: "service", act: "operator", administer: "admin" };

/** Whether whoever uses the page has a right, and the sentence of what it takes where not. */
export function useRight(right: Right): { may: boolean; takes: string } {
  const me = useMe();
  const words = useWords();
  return { may: me?.rights[right] === true, takes: words.common.takesRole(words.signIn.roles[roleOf[right]]) };
}

export function NeedsRole({ right }: { right: Right }) {
  const words = useWords();
  const { takes } = useRight(right);
  return (
    <Alert severity="warning">
      {words.states.refusedTitle}. {takes}
    </Alert>
  );
}
