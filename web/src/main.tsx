import "@cloudscape-design/global-styles/index.css";
import "./style.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { Language } from "./i18n";
import { Notices } from "./notices";
import { showUnseen } from "./unseen";

showUnseen(document);
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Language>
        <Notices>
          <App />
        </Notices>
      </Language>
    </StrictMode>,
  );
}
