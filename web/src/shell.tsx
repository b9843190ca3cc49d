// What surrounds every page: the top bar, the navigation, what happened, and the page of the address.
import AppLayout from "@cloudscape-design/components/app-layout";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { useEffect, useState } from "react";
import { type Session, signOut } from "./api";
import { useWords } from "./i18n";
import { useNotices } from "./notices";
import { PolicyPage } from "./pages/policy";
import { PrincipalPage } from "./pages/principal";
import { PolicyList, PrincipalList } from "./pages/lists";
import { preferences } from "./parts/preferences";
import { to, useRoute } from "./route";
import type { Theme } from "./theme";

interface Props {
  who: Session;
  theme: [Theme, (theme: Theme) => void];
  onEnd: (why?: unknown) => void;
}

function page([section = "users", name, tab]: string[], account: string) {
  switch (section) {
    case "groups":
      return name ? <PrincipalPage key={`g${name}`} kind="group" name={name} tab={tab} /> : <PrincipalList key="g" kind="group" account={account} />;
    case "roles":
      return name ? <PrincipalPage key={`r${name}`} kind="role" name={name} tab={tab} /> : <PrincipalList key="r" kind="role" account={account} />;
    case "policies":
      return name ? <PolicyPage key={name} arn={name} tab={tab} /> : <PolicyList account={account} />;
    default:
      return name ? <PrincipalPage key={`u${name}`} kind="user" name={name} tab={tab} /> : <PrincipalList key="u" kind="user" account={account} />;
  }
}

export function Shell({ who, theme, onEnd }: Props) {
  const words = useWords();
  const { t } = words;
  const route = useRoute();
  const { shown } = useNotices();
  const [open, setOpen] = useState(innerWidth > 900);
  useEffect(() => {
    if (innerWidth <= 900) setOpen(false);
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
              text: who.user,
              description: who.alias ? `${who.alias} (${who.account})` : who.account,
              ariaLabel: t("userMenu", { user: who.user, account: who.account }),
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
            header={{ href: to("users"), text: t("iam") }}
            activeHref={to(route[0] ?? "users")}
            items={[
              { type: "link", text: t("users"), href: to("users") },
              { type: "link", text: t("groups"), href: to("groups") },
              { type: "link", text: t("roles"), href: to("roles") },
              { type: "link", text: t("policies"), href: to("policies") },
            ]}
          />
        }
        content={page(route, who.account)}
      />
    </>
  );
}
