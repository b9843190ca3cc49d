// The question before a deletion: it names all that goes along and all that needs it, and takes nothing else.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import LiveRegion from "@cloudscape-design/components/live-region";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useRef } from "react";
import type { Failure } from "../api";
import { type Key, useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble, useNotices } from "../notices";
import { carryOut, type Removal, type Tie } from "../removal";
import { go } from "../route";
import { Confirm } from "./confirm";
import { Waiting } from "./heard";

interface Props {
  name: string;
  about: string;
  removal: Removal;
  /** The list that it is gone from. */
  list: string;
  onDismiss: () => void;
}

const UNHEARD = new Set(["Unanswered", "Unreachable"]);

function Named({ header, ties }: { header: string; ties: Tie[] }) {
  if (!ties.length) return null;
  return (
    <Alert type="warning" header={header}>
      <ul className="needed">
        {ties.map((one) => (
          <li key={one.id}>{one.shown}</li>
        ))}
      </ul>
    </Alert>
  );
}

export function Removing({ name, about, removal, list, onDismiss }: Props) {
  const { t, say } = useWords();
  const { add } = useNotices();
  const { value: told, error, loading, reload } = useLoaded(removal.ties, [name]);
  const found = told ?? [];
  const keeping = found.filter((one) => one.keeps);
  const taken = found.filter((one) => one.take);
  const left = found.filter((one) => !one.take && !one.keeps);
  const finish = (key: Key) => {
    go(list);
    add({ type: "success", content: say(key, { name }) });
  };
  // A deletion whose answer did not come may have been made: then there is nothing left to ask about.
  const unheard = useRef(false);
  useEffect(() => {
    if (unheard.current && (error as Failure | undefined)?.code === "NoSuchEntity") finish("deleted.unheard");
  }, [error]);
  const act = async () => {
    try {
      await carryOut(removal, found);
    } catch (failed) {
      if (UNHEARD.has((failed as Failure).code)) unheard.current = true;
      // Where nothing answers the question stays as it is, to be answered again: everything is looked for anew then.
      if ((failed as Failure).code !== "Unreachable") reload();
      throw failed;
    }
  };
  return (
    <Confirm
      title={say("delete.title", { name })}
      text={t("delete")}
      act={act}
      disabled={!told || loading || keeping.length > 0}
      onDismiss={onDismiss}
      onDone={() => finish("deleted")}
    >
      <SpaceBetween size="s">
        <Box>{about}</Box>
        <Trouble error={error} again={reload} />
        {loading && <Waiting />}
        <LiveRegion>
          <SpaceBetween size="s">
            {told && !found.length && <Box>{t("needed.nothing")}</Box>}
            <Named header={t("needed.keeping", { n: keeping.length })} ties={keeping} />
            <Named header={t("needed.left", { n: left.length })} ties={left} />
            <Named header={t("needed", { n: taken.length })} ties={taken} />
          </SpaceBetween>
        </LiveRegion>
      </SpaceBetween>
    </Confirm>
  );
}
