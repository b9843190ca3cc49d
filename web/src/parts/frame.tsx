// The frame of every page of one thing: where it stands, its name and what can be done; then the thing, or why not yet.
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useEffect } from "react";
import { useWords } from "../i18n";
import type { Loaded } from "../loaded";
import { Trouble } from "../notices";
import { to } from "../route";
import { Broken } from "./broken";
import { Heard, Waiting } from "./heard";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} - Kansatsu`;
  }, [title]);
}

interface Props<T> {
  /** Each with the parts of its address, the page itself last. */
  trail: [text: string, ...address: string[]][];
  title: string;
  /** The title is a text of ours, and no name. */
  said?: boolean;
  info?: ReactNode;
  actions?: ReactNode;
  loaded: Pick<Loaded<T>, "value" | "error" | "loading"> & Partial<Pick<Loaded<T>, "reload">>;
  children: (found: T) => ReactNode;
  /** Dialogs, which are there whatever was loaded. */
  dialogs?: ReactNode;
}

export function Frame<T>({ trail, title, said, info, actions, loaded, children, dialogs }: Props<T>) {
  const { t } = useWords();
  useTitle(title);
  return (
    <SpaceBetween size="l">
      <BreadcrumbGroup ariaLabel={t("breadcrumbs")} items={trail.map(([text, ...address]) => ({ text, href: to(...address) }))} />
      <Header variant="h1" info={info} actions={actions}>
        {said ? title : <Broken of={title} />}
      </Header>
      <Trouble error={loaded.error} again={loaded.reload} />
      {loaded.loading && loaded.value === undefined && <Waiting />}
      <Heard text={loaded.value === undefined ? "" : t("loaded", { name: title })} />
      {loaded.value !== undefined && children(loaded.value)}
      {dialogs}
    </SpaceBetween>
  );
}

/** What a thing is, in a few words each. */
export function Overview({ items }: { items: KeyValuePairsProps["items"] }) {
  const { t } = useWords();
  return (
    <Container header={<Header variant="h2">{t("overview")}</Header>}>
      <KeyValuePairs columns={3} minColumnWidth={200} items={items} />
    </Container>
  );
}
