import { useWords } from "../../words/use";

export default function DrainsPage(_props: { id: string | null }) {
  const words = useWords();
  return (
    <div className="pad">
      <h1>{words.nav.drains}</h1>
    </div>
  );
}
