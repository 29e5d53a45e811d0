import { useWords } from "../../words/use";

export default function AuditPage() {
  const words = useWords();
  return (
    <div className="pad">
      <h1>{words.nav.audit}</h1>
    </div>
  );
}
