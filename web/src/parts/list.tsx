// A table of a thousand rows that stays quick: what is found by a word, a page at a time.
import { useCollection } from "@cloudscape-design/collection-hooks";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { type ReactNode, useMemo } from "react";
import { useWords } from "../i18n";
import type { Loaded } from "../loaded";
import { Trouble } from "../notices";
import { Broken } from "./broken";
import { Heard } from "./heard";

interface Props<T> {
  title: string;
  what?: string;
  heading?: "h1" | "h2" | "h3";
  description?: ReactNode;
  loaded: Loaded<T[]>;
  columns: TableProps.ColumnDefinition<T>[];
  text: (item: T) => string;
  id: (item: T) => string;
  empty: string;
  actions?: ReactNode;
  filter?: ReactNode;
  size?: number;
  /** The column that it is sorted by at first, from its highest; else by its first column. */
  newest?: string;
  variant?: TableProps.Variant;
}

const NARROWEST = 100; // pixels: words break anywhere in a table, and none is to be a letter wide

/** A path of IAM may have 512 letters: a list shows where it begins, the page of the thing all of it. */
export function Clamped({ of }: { of: string }) {
  return (
    <span className="clamped" title={of}>
      <Broken of={of} />
    </span>
  );
}

export function List<T>({ title, heading = "h1", loaded, columns, text, id, empty, size = 50, newest, ...more }: Props<T>) {
  const { t } = useWords();
  const texts = useMemo(() => new Map<T, string>(), [loaded.value]);
  const textOf = (item: T) => {
    const known = texts.get(item) ?? text(item).toLowerCase();
    texts.set(item, known);
    return known;
  };
  const sorted = newest ? columns.find((column) => column.id === newest) : columns.find((column) => column.sortingField || column.sortingComparator);
  const found = useCollection(loaded.value ?? [], {
    filtering: {
      filteringFunction: (item, word) => textOf(item).includes(word.toLowerCase()),
      // INVARIANT: nobody is told that there is nothing where nobody knows.
      empty: <Box textAlign="center">{loaded.error ? t("list.unknown") : empty}</Box>,
      noMatch: <Box textAlign="center">{t("noMatch")}</Box>,
    },
    pagination: { pageSize: size },
    sorting: { defaultState: sorted ? { sortingColumn: sorted, isDescending: newest !== undefined } : undefined },
  });
  const total = loaded.value?.length;
  const shown = found.filteredItemsCount ?? total;
  const known = loaded.partial ? `${total}+` : `${total}`;
  const whole = total !== undefined && !loaded.partial;
  // What comes to a list that is watched is not read out: that it was loaded is, once.
  const heard = useMemo(() => (whole ? t("list.loaded", { what: title, n: total }) : ""), [whole, title, t]);
  const many = (total ?? 0) > size;
  return (
    <SpaceBetween size="m">
      <Trouble error={loaded.error} again={loaded.reload} />
      <Heard text={heard} />
      <Table
        {...found.collectionProps}
        variant={more.variant ?? "container"}
        trackBy={id}
        items={found.items}
        columnDefinitions={columns.map((column) => ({ minWidth: NARROWEST, ...column }))}
        loading={loaded.loading && !loaded.value}
        loadingText={t("loading")}
        wrapLines
        ariaLabels={{ tableLabel: title }}
        header={
          <Header
            variant={heading}
            counter={total === undefined ? undefined : shown === total ? `(${known})` : `(${shown}/${known})`}
            description={more.description}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button iconName="refresh" ariaLabel={t("refresh")} onClick={loaded.reload} loading={loaded.loading} />
                {more.actions}
              </SpaceBetween>
            }
          >
            {title}
          </Header>
        }
        filter={
          <SpaceBetween direction="horizontal" size="xs" alignItems="center">
            <div className="filter">
              <TextFilter
                {...found.filterProps}
                countText={t("list.matches", { n: shown ?? 0 })}
                filteringAriaLabel={t("find", { what: more.what ?? title })}
                filteringPlaceholder={t("find", { what: more.what ?? title })}
              />
            </div>
            {more.filter}
          </SpaceBetween>
        }
        pagination={many ? <Pagination {...found.paginationProps} /> : undefined}
      />
    </SpaceBetween>
  );
}
