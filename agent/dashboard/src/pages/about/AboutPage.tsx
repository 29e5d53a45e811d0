import { useWords } from "../../words/use";

export default function AboutPage() {
  const words = useWords();
  return (
    <div className="pad">
      <h1>{words.nav.about}</h1>
    </div>
  );
}
