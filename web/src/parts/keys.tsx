// A user's access keys: made, switched, deleted; a secret is shown once and never again.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";
import { call } from "../api";
import { keysOf } from "../entities";
import { useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble } from "../notices";
import type { AccessKey } from "../types";
import { Last } from "./advisor";
import { Broken } from "./broken";
import { Confirm } from "./confirm";
import { List } from "./list";

interface Row extends AccessKey {
  last?: string;
  service?: string;
}

async function rows(user: string): Promise<Row[]> {
  const keys = await keysOf(user);
  return Promise.all(
    keys.map(async (key) => {
      const { AccessKeyLastUsed: used } = await call<{ AccessKeyLastUsed: { LastUsedDate?: string; ServiceName?: string } }>(
        "iam",
        "GetAccessKeyLastUsed",
        { AccessKeyId: key.AccessKeyId },
      );
      return { ...key, last: used.LastUsedDate, service: used.ServiceName };
    }),
  );
}

export function Keys({ user }: { user: string }) {
  const { t, say, when } = useWords();
  const loaded = useLoaded(() => rows(user), [user]);
  const [made, setMade] = useState<{ AccessKeyId: string; SecretAccessKey: string } | undefined>(undefined);
  const [going, setGoing] = useState<AccessKey | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const run = async (act: () => Promise<unknown>) => {
    setError(undefined);
    try {
      await act();
    } catch (failed) {
      setError(failed);
    }
    loaded.reload();
  };
  const create = () =>
    run(async () => setMade((await call<{ AccessKey: { AccessKeyId: string; SecretAccessKey: string } }>("iam", "CreateAccessKey", { UserName: user })).AccessKey));
  const turn = (key: AccessKey) =>
    run(() =>
      call("iam", "UpdateAccessKey", {
        UserName: user,
        AccessKeyId: key.AccessKeyId,
        Status: key.Status === "Active" ? "Inactive" : "Active",
      }),
    );
  return (
    <>
      <Trouble error={error} />
      <List
        title={t("keys")}
        heading="h2"
        loaded={loaded}
        id={(key) => key.AccessKeyId}
        text={(key) => key.AccessKeyId}
        empty={t("keys.none")}
        actions={
          <Button variant="primary" onClick={() => void create()}>
            {t("keys.create")}
          </Button>
        }
        columns={[
          { id: "id", header: t("keys.id"), sortingField: "AccessKeyId", isRowHeader: true, minWidth: 190, cell: (key) => <Broken of={key.AccessKeyId} /> },
          {
            id: "status",
            header: t("status"),
            cell: (key) => (
              <StatusIndicator wrapText={false} type={key.Status === "Active" ? "success" : "stopped"}>
                {t(key.Status === "Active" ? "active" : "inactive")}
              </StatusIndicator>
            ),
          },
          { id: "created", header: t("created"), cell: (key) => when(key.CreateDate) },
          { id: "last", header: t("lastUsed"), minWidth: 130, cell: (key) => <Last at={key.last} by={key.service} /> },
          {
            id: "act",
            header: t("actionsColumn"),
            minWidth: 150,
            cell: (key) => (
              <SpaceBetween direction="horizontal" size="xs">
                <Button variant="inline-link" ariaLabel={`${t(key.Status === "Active" ? "deactivate" : "activate")} ${key.AccessKeyId}`} onClick={() => void turn(key)}>
                  {t(key.Status === "Active" ? "deactivate" : "activate")}
                </Button>
                <Button variant="inline-link" ariaLabel={`${t("delete")} ${key.AccessKeyId}`} onClick={() => setGoing(key)}>
                  {t("delete")}
                </Button>
              </SpaceBetween>
            ),
          },
        ]}
      />
      {made && (
        <Modal
          visible
          header={t("keys.made")}
          closeAriaLabel={t("close")}
          onDismiss={() => setMade(undefined)}
          footer={
            <Box float="right">
              <Button variant="primary" onClick={() => setMade(undefined)}>
                {t("done")}
              </Button>
            </Box>
          }
        >
          <SpaceBetween size="m">
            <Alert type="warning">{t("keys.once")}</Alert>
            <KeyValuePairs
              items={(
                [
                  ["keys.id", made.AccessKeyId],
                  ["signIn.secretAccessKey", made.SecretAccessKey],
                ] as const
              ).map(([label, value]) => ({
                label: t(label),
                value: (
                  <CopyToClipboard
                    variant="inline"
                    textToCopy={value}
                    textToDisplay={<Broken of={value} />}
                    copyButtonAriaLabel={t("copy")}
                    copySuccessText={t("copied")}
                    copyErrorText={t("notCopied")}
                  />
                ),
              }))}
            />
          </SpaceBetween>
        </Modal>
      )}
      {going && (
        <Confirm
          title={say("delete.title", { name: going.AccessKeyId })}
          text={t("delete")}
          act={() => call("iam", "DeleteAccessKey", { UserName: user, AccessKeyId: going.AccessKeyId })}
          onDismiss={() => setGoing(undefined)}
          onDone={() => {
            setGoing(undefined);
            loaded.reload();
          }}
        >
          <Box>{t("keys.deleteAbout")}</Box>
        </Confirm>
      )}
    </>
  );
}
