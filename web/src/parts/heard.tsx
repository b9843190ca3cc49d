// What is told to who does not look at the page: live regions, which screen readers read out when they change.
import LiveRegion from "@cloudscape-design/components/live-region";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { createPortal } from "react-dom";
import { useWords } from "../i18n";

/** Heard and not seen; "" says nothing. */
export function Heard({ text }: { text: string }) {
  return createPortal(<LiveRegion hidden>{text}</LiveRegion>, document.body);
}

/** Something is on its way. */
export function Waiting({ text }: { text?: string }) {
  const { t } = useWords();
  return (
    <LiveRegion>
      <StatusIndicator type="loading">{text ?? t("loading")}</StatusIndicator>
    </LiveRegion>
  );
}
