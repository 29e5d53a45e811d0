import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { askEarly } from "./wire/early";
import "./app/statuses.css";
import "./app/page.css";

askEarly("/api/me", "/api/services");

createRoot(document.getElementById("page")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
