import { DrainDetail } from "./DrainDetail";
import { DrainForm } from "./DrainForm";
import { DrainList } from "./DrainList";
import { NEW } from "./model";
import "./drains.css";

export default function DrainsPage({ id }: { id: string | null }) {
  if (id === null) {
    return <DrainList />;
  }
  return id === NEW ? <DrainForm /> : <DrainDetail key={id} id={id} />;
}
