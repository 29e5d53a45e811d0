import { useWords } from "../../words/use";
import { Leaders } from "./Leaders";
import { Reservations } from "./Reservations";
import { Sessions } from "./Sessions";
import "./sessions.css";

/** Who leads, where players are, and which seats are kept. */
export default function SessionsPage() {
  const { nav } = useWords();
  return (
    <div className="pad sessions">
      <h1>{nav.sessions}</h1>
      <Leaders />
      <Sessions />
      <Reservations />
    </div>
  );
}
