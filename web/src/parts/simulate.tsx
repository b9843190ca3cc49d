// What would be decided if: another action, another resource, other condition keys, by the policies of now.
import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useWords } from "../i18n";
import { Trouble } from "../notices";
import { type ContextKey, simulated } from "../requests";
import { written } from "../unseen";
import { Evaluated } from "./evaluation";
import { Heard } from "./heard";

interface Props {
  principal: string;
  action?: string;
  resource?: string;
  context?: ContextKey[];
}

export function Simulate({ principal, action = "", resource = "*", context = [] }: Props) {
  const { t, say } = useWords();
  const [asked, setAsked] = useState({ Principal: principal, Action: action, Resource: resource });
  const [keys, setKeys] = useState(context.map((one) => ({ Key: one.Key, Value: one.Values.join(", ") })));
  const [found, setFound] = useState<Awaited<ReturnType<typeof simulated>> | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const [busy, setBusy] = useState(false);
  const set = (at: number, change: object) => setKeys((all) => all.map((one, n) => (n === at ? { ...one, ...change } : one)));
  const run = async () => {
    setBusy(true);
    setError(undefined);
    setFound(undefined);
    const Context = keys
      .filter((one) => one.Key.trim() && one.Value.trim())
      .map((one) => ({ Key: one.Key.trim(), Values: one.Value.split(",").map((value) => value.trim()) }));
    try {
      setFound(await simulated({ ...asked, Context }));
    } catch (failed) {
      setError(failed);
    }
    setBusy(false);
  };
  // A field has its true value, to be asked with: what cannot be seen of it is said below.
  const unseen = (text: string) => (written(text) === text ? undefined : say("unseen", { text: written(text) }));
  const fields = { Principal: t("principal"), Action: t("action"), Resource: t("resource") } as const;
  return (
    <Container header={<Header variant="h2" description={t("simulate.about")}>{t("simulate")}</Header>}>
      <SpaceBetween size="m">
        <ColumnLayout columns={3}>
          {(Object.keys(fields) as (keyof typeof fields)[]).map((name) => (
            <FormField key={name} label={fields[name]} warningText={unseen(asked[name])}>
              <Input value={asked[name]} ariaRequired spellcheck={false} onChange={({ detail }) => setAsked({ ...asked, [name]: detail.value })} />
            </FormField>
          ))}
        </ColumnLayout>
        <ExpandableSection headerText={t("context.given", { n: keys.length })}>
        <AttributeEditor
          items={keys}
          empty={t("simulate.noKeys")}
          addButtonText={t("simulate.addKey")}
          removeButtonText={t("remove")}
          removeButtonAriaLabel={(one) => `${t("remove")} ${one.Key}`}
          onAddButtonClick={() => setKeys((all) => [...all, { Key: "", Value: "" }])}
          onRemoveButtonClick={({ detail }) => setKeys((all) => all.filter((_, at) => at !== detail.itemIndex))}
          definition={[
            { label: t("conditionKey"), control: (one, at) => <Input value={one.Key} spellcheck={false} onChange={({ detail }) => set(at, { Key: detail.value })} /> },
            { label: t("tags.value"), control: (one, at) => <Input value={one.Value} spellcheck={false} onChange={({ detail }) => set(at, { Value: detail.value })} />, warningText: (one) => unseen(one.Value) },
          ]}
        />
        </ExpandableSection>
        <Button variant="primary" loading={busy} disabled={!asked.Principal || !asked.Action || !asked.Resource} onClick={() => void run()}>
          {t("simulate.run")}
        </Button>
        <Trouble error={error} />
        <Heard text={found ? t(found.Undecided ? "simulate.undecided" : found.Evaluation.Allowed ? "allowed" : "denied") : ""} />
        {found?.Undecided ? <Box>{t("simulate.undecided")}</Box> : found && <Evaluated of={found.Evaluation} />}
      </SpaceBetween>
    </Container>
  );
}
