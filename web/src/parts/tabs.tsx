// Tabs whose choice stands in the address; where that names none of them, the first.
import Plain, { type TabsProps } from "@cloudscape-design/components/tabs";
import { go } from "../route";

export function Tabs({ at, tab, tabs }: { at: string[]; tab: string | undefined; tabs: TabsProps.Tab[] }) {
  const found = tabs.find((one) => one.id === tab) ?? tabs[0];
  return <Plain activeTabId={found?.id} onChange={({ detail }) => go(...at, detail.activeTabId)} tabs={tabs} />;
}
