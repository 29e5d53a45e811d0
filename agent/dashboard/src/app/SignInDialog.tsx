import { Dialog } from "@mui/material";
import { useWords } from "../words/use";
import { SignIn } from "./SignIn";

/** Where reading is open and somebody wants to act. */
export default function SignInDialog({ close, done }: { close(): void; done(): void }) {
  const words = useWords();
  return (
    <Dialog open onClose={close} aria-label={words.signIn.title}>
      <SignIn hint={words.shell.openHint} done={done} />
    </Dialog>
  );
}
