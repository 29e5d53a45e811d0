import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App, startApp } from "./app/App";
import { startLook } from "./app/look";
import { askEarly } from "./wire/early";
import "./app/statuses.css";
import "./app/page.css";

// So long the page is empty for the sake of the first table. A line that is slower shows the bar meanwhile, and what is waited for.
const PATIENCE_MS = 100;

async function start(): Promise<void> {
  startLook();
  askEarly("/api/me", "/api/services");
  await Promise.race([startApp(), new Promise((late) => setTimeout(late, PATIENCE_MS))]);
  createRoot(document.getElementById("page")!).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}

void Promise.resolve().then(start);
