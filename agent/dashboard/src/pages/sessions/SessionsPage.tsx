import { useWords } from "../../words/use";

export default function SessionsPage() {
  const words = useWords();
  return (
    <div className="pad">
      <h1>{words.nav.sessions}</h1>
    </div>
  );
}
