/** The frame of every page but the work bench: name, way back, who is logged in. */

import { useEffect, type ReactNode } from "react";
import { Link } from "wouter";
import { useLogOut, useSavePreferences, useSession } from "../api/queries";
import { readTheme, type Theme } from "./theme";

interface Crumb {
  readonly title: string;
  readonly to: string;
}

export function Shell({ title, heading = title, crumbs = [], actions, children }: {
  title: string; heading?: string; crumbs?: readonly Crumb[]; actions?: ReactNode; children: ReactNode;
}) {
  useTitle(title);
  return (
    <div className="shell">
      <a className="skip" href="#main">Skip to the content</a>
      <header className="topbar">
        <Link href="/" className="brand">finegym</Link>
        <nav aria-label="Where you are">
          <ol className="crumbs">
            {crumbs.map((one) => <li key={one.to}><Link href={one.to}>{one.title}</Link></li>)}
          </ol>
        </nav>
        <span className="grow" />
        <PersonMenu />
      </header>
      <main id="main" className="content" tabIndex={-1}>
        <div className="content-head"><h1>{heading}</h1>{actions}</div>
        {children}
      </main>
    </div>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · finegym`;
  }, [title]);
}

export function PersonMenu() {
  const session = useSession();
  const logOut = useLogOut();
  const person = session.data?.person;
  if (person == null) return null;
  return (
    <div className="person">
      <ThemeChoice />
      <span className="person-name">{person.name}</span>
      <button type="button" className="quiet" onClick={() => logOut.mutate()}>Log out</button>
    </div>
  );
}

export function ThemeChoice() {
  const session = useSession();
  const save = useSavePreferences();
  const person = session.data?.person;
  if (person == null) return null;
  return (
    <label className="theme">
      <span className="visually-hidden">Colours</span>
      <select
        value={readTheme(person.preferences)}
        onChange={(event) => save.mutate({ ...person.preferences, theme: event.target.value as Theme })}
      >
        <option value="system">Auto</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}
