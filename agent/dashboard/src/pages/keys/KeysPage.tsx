import { useWords } from "../../words/use";

export default function KeysPage() {
  const words = useWords();
  return (
    <div className="pad">
      <h1>{words.nav.keys}</h1>
    </div>
  );
}
