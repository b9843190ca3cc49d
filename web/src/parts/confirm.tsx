// A question before something is taken away, and the act with its trouble.
import Button from "@cloudscape-design/components/button";
import Modal, { type ModalProps } from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useState } from "react";
import { useWords } from "../i18n";
import { Trouble } from "../notices";

interface Props {
  title: ReactNode;
  children: ReactNode;
  text: string;
  act: () => Promise<unknown>;
  disabled?: boolean;
  size?: ModalProps.Size;
  onDone: () => void;
  onDismiss: () => void;
}

export function Confirm({ title, children, text, act, disabled, size, onDone, onDismiss }: Props) {
  const { t } = useWords();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  async function run() {
    setBusy(true);
    setError(undefined);
    try {
      await act();
      onDone();
    } catch (failed) {
      setError(failed);
      setBusy(false);
    }
  }
  return (
    <Modal
      visible
      size={size}
      header={title}
      closeAriaLabel={t("close")}
      onDismiss={onDismiss}
      footer={
        <div className="answers">
          <Button variant="link" onClick={onDismiss}>
            {t("cancel")}
          </Button>
          <Button variant="primary" loading={busy} disabled={disabled} onClick={() => void run()}>
            {text}
          </Button>
        </div>
      }
    >
      <SpaceBetween size="m">
        <Trouble error={error} />
        {children}
      </SpaceBetween>
    </Modal>
  );
}
