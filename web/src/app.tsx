/** Which page is shown: by the address, and by whether somebody is logged in. */

import { Redirect, Route, Switch } from "wouter";
import { useSession } from "./api/queries";
import { InvitationPage } from "./pages/invitation";
import { LoginPage } from "./pages/login";
import { PassPage } from "./pages/pass";
import { ProjectPage } from "./pages/project";
import { ProjectsPage } from "./pages/projects";
import { Failure, Loading } from "./parts/feedback";
import { Shell } from "./parts/shell";
import { usePreferredTheme } from "./parts/theme";

export function App() {
  const session = useSession();
  usePreferredTheme(session.data?.person?.preferences);
  if (session.isPending) return <Loading what="finegym" />;
  if (session.isError) return <Failure error={session.error} retry={() => void session.refetch()} />;
  return (
    <Switch>
      <Route path="/invitation"><InvitationPage session={session.data} /></Route>
      {session.data.person === null && <Route><LoginPage session={session.data} /></Route>}
      <Route path="/passes/:id">{({ id }) => <PassPage key={id} id={id} />}</Route>
      <Route path="/projects/:id">{({ id }) => <ProjectPage id={id} />}</Route>
      <Route path="/"><ProjectsPage /></Route>
      <Route path="/login"><Redirect to="/" /></Route>
      <Route>
        <Shell title="Not found"><p>There is no page at this address. <a href="/">Go to your projects</a>.</p></Shell>
      </Route>
    </Switch>
  );
}
