import { useWords } from "../../words/use";

export default function ActivityPage() {
  const words = useWords();
  return (
    <div className="pad">
      <h1>{words.nav.activity}</h1>
    </div>
  );
}
