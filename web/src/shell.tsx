// What surrounds every page: the top bar, the navigation, what happened, and the page of the address.
import AppLayout from "@cloudscape-design/components/app-layout";
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import SpaceBetween from "@cloudscape-design/components/space-between";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { type ReactNode, useEffect, useState } from "react";
import { type Session, signOut } from "./api";
import { useWords } from "./i18n";
import { useNotices } from "./notices";
import { Activity } from "./pages/activity";
import { ClusterPage, Clusters, Tasks } from "./pages/clusters";
import { DefinitionPage, Definitions } from "./pages/definitions";
import { InstancePage } from "./pages/instance";
import { Instances } from "./pages/instances";
import { PolicyList, PrincipalList } from "./pages/lists";
import { PolicyPage } from "./pages/policy";
import { PrincipalPage } from "./pages/principal";
import { ProfilePage, Profiles } from "./pages/profiles";
import { RequestPage } from "./pages/request";
import { TaskPage } from "./pages/task";
import { useTitle } from "./parts/frame";
import { preferences } from "./parts/preferences";
import { to, useRoute } from "./route";
import type { Theme } from "./theme";
import type { Kind } from "./types";

interface Props {
  who: Session;
  theme: [Theme, (theme: Theme) => void];
  onEnd: (why?: unknown) => void;
}

const ROOM = matchMedia("(min-width: 901px)");
const KINDS = new Map<string, Kind>([["users", "user"], ["groups", "group"], ["roles", "role"]]);
type Page = (name: string, tab: string | undefined) => ReactNode;
// The pages that are a list without a name, and one thing with it.
const PAGES: Record<string, { all: () => ReactNode; one: Page }> = {
  instances: { all: () => <Instances />, one: (name) => <InstancePage key={name} id={name} /> },
  clusters: { all: () => <Clusters />, one: (name, tab) => <ClusterPage key={name} name={name} tab={tab} /> },
  tasks: { all: () => <Tasks />, one: (name) => <TaskPage key={name} id={name} /> },
  definitions: { all: () => <Definitions />, one: (name) => <DefinitionPage key={name} name={name} /> },
  activity: { all: () => <Activity />, one: (name) => <RequestPage key={name} id={name} /> },
  profiles: { all: () => <Profiles />, one: (name, tab) => <ProfilePage key={name} name={name} tab={tab} /> },
};
const SECTIONS = {
  iam: ["users", "groups", "roles", "policies", "profiles"],
  workloads: ["instances", "clusters", "definitions"],
  evidence: ["activity"],
} as const;

function page([section = "users", name, tab]: string[], account: string): ReactNode {
  const kind = KINDS.get(section);
  if (kind) {
    return name ? <PrincipalPage key={`${kind} ${name}`} kind={kind} name={name} tab={tab} /> : <PrincipalList key={kind} kind={kind} account={account} />;
  }
  if (section === "policies") return name ? <PolicyPage key={name} arn={name} tab={tab} /> : <PolicyList account={account} />;
  const found = Object.hasOwn(PAGES, section) ? PAGES[section] : undefined;
  if (!found) return <NotFound />;
  return name ? found.one(name, tab) : found.all();
}

function NotFound() {
  const { t } = useWords();
  useTitle(t("notFound"));
  return (
    <SpaceBetween size="m">
      <Header variant="h1">{t("notFound")}</Header>
      <Box>{t("notFound.about")}</Box>
      <Link href={to("users")}>{t("users")}</Link>
    </SpaceBetween>
  );
}

export function Shell({ who, theme, onEnd }: Props) {
  const words = useWords();
  const { t } = words;
  const route = useRoute();
  const { shown, clear } = useNotices();
  // What one user was told, and may undo, is not the next one's.
  useEffect(() => clear, [clear]);
  // Where there is room the navigation is open; elsewhere it covers the page, and goes with a step to another one.
  const [open, setOpen] = useState(ROOM.matches);
  useEffect(() => {
    const follow = () => setOpen(ROOM.matches);
    ROOM.addEventListener("change", follow);
    return () => ROOM.removeEventListener("change", follow);
  }, []);
  useEffect(() => {
    if (!ROOM.matches) setOpen(false);
  }, [route.join("/")]);
  useEffect(() => {
    // Cloudscape gives its narrow bar an attribute that ARIA does not know on a navigation.
    for (const bar of document.querySelectorAll("nav[aria-orientation]")) bar.removeAttribute("aria-orientation");
  });
  return (
    <>
      <div id="top">
        <TopNavigation
          identity={{ href: to("users"), title: "Kansatsu" }}
          utilities={[
            ...preferences(words, theme),
            {
              type: "menu-dropdown",
              iconName: "user-profile",
              text: `${who.user} @ ${who.alias || who.account}`,
              description: who.alias ? `${who.alias} (${who.account})` : who.account,
              items: [
                { id: "me", text: t("myUser"), href: to("users", who.user) },
                { id: "out", text: t("signOut") },
              ],
              onItemClick: ({ detail }) => {
                if (detail.id === "out") void signOut().then(() => onEnd(), onEnd);
              },
            },
          ]}
        />
      </div>
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigationOpen={open}
        onNavigationChange={({ detail }) => setOpen(detail.open)}
        notifications={shown}
        stickyNotifications
        ariaLabels={{
          navigation: t("navigation"),
          navigationToggle: t("navigation.open"),
          navigationClose: t("navigation.close"),
          notifications: t("notifications"),
        }}
        navigation={
          <SideNavigation
            header={{ href: to("users"), text: "Kansatsu" }}
            activeHref={to(route[0] ?? "users")}
            items={(Object.keys(SECTIONS) as (keyof typeof SECTIONS)[]).map((section) => ({
              type: "section-group",
              title: t(section),
              items: SECTIONS[section].map((name) => ({ type: "link", text: t(name), href: to(name) })),
            }))}
          />
        }
        content={page(route, who.account)}
      />
    </>
  );
}
