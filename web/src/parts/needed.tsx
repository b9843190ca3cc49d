// What depends on something that is to be deleted, or goes with it, before anybody says yes.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble } from "../notices";

export function Needed({ load, of, about }: { load: () => Promise<string[]>; of: string; about: string }) {
  const { t } = useWords();
  const loaded = useLoaded(load, [of]);
  const found = loaded.value ?? [];
  return (
    <SpaceBetween size="s">
      <Box>{about}</Box>
      <Trouble error={loaded.error} />
      {loaded.loading && <Spinner />}
      {loaded.value && !found.length && <Box>{t("needed.nothing")}</Box>}
      {found.length > 0 && (
        <Alert type="warning" header={t("needed", { n: found.length })}>
          <ul className="needed">
            {found.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </Alert>
      )}
    </SpaceBetween>
  );
}
