/** Which page is shown: by the address, and by whether somebody is logged in. */

import { Redirect, Route, Switch } from "wouter";
import { useSession } from "./api/queries";
import type { Stage } from "./api/types";
import { AttemptPage } from "./pages/attempt";
import { BehindPage } from "./pages/behind";
import { CodebookPage } from "./pages/codebook";
import { ComparisonsPage } from "./pages/comparisons";
import { ExamPage } from "./pages/exam";
import { ExamsPage } from "./pages/exams";
import { ExchangePage } from "./pages/exchange";
import { GoldPage } from "./pages/gold";
import { GoldAnswersPage } from "./pages/gold_answers";
import { GuidelinesPage } from "./pages/guidelines";
import { InvitationPage } from "./pages/invitation";
import { ItemsPage } from "./pages/items";
import { LoginPage } from "./pages/login";
import { ParsePage } from "./pages/parse";
import { ParsesPage } from "./pages/parses";
import { PassPage } from "./pages/pass";
import { PeoplePage } from "./pages/people";
import { ProgressPage } from "./pages/progress";
import { ProjectPage } from "./pages/project";
import { ProjectsPage } from "./pages/projects";
import { QualityPage } from "./pages/quality";
import { RecordsPage } from "./pages/records";
import { ReviewPage } from "./pages/review";
import { SettingsPage } from "./pages/settings";
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
      <Route path="/projects/:id/exams">{({ id }) => <ExamsPage id={id} />}</Route>
      <Route path="/projects/:id/exams/:exam">{({ id, exam }) => <ExamPage key={exam} id={id} exam={exam} />}</Route>
      <Route path="/projects/:id/attempts/:attempt">{({ id, attempt }) => <AttemptPage id={id} attempt={attempt} />}</Route>
      <Route path="/projects/:id/gold">{({ id }) => <GoldPage id={id} />}</Route>
      <Route path="/projects/:id/gold/:person/:stage">{({ id, person, stage }) => <GoldAnswersPage id={id} person={person} stage={stage as Stage} />}</Route>
      <Route path="/projects/:id/comparisons">{({ id }) => <ComparisonsPage id={id} />}</Route>
      <Route path="/projects/:id/quality">{({ id }) => <QualityPage id={id} />}</Route>
      <Route path="/projects/:id/behind">{({ id }) => <BehindPage id={id} />}</Route>
      <Route path="/projects/:id/review">{({ id }) => <ReviewPage id={id} />}</Route>
      <Route path="/projects/:id/items">{({ id }) => <ItemsPage id={id} />}</Route>
      <Route path="/projects/:id/progress">{({ id }) => <ProgressPage id={id} />}</Route>
      <Route path="/projects/:id/parses">{({ id }) => <ParsesPage id={id} />}</Route>
      <Route path="/projects/:id/parses/:parse">{({ id, parse }) => <ParsePage key={parse} id={id} parse={parse} />}</Route>
      <Route path="/projects/:id/records">{({ id }) => <RecordsPage id={id} />}</Route>
      <Route path="/projects/:id/people">{({ id }) => <PeoplePage id={id} />}</Route>
      <Route path="/projects/:id/codebook">{({ id }) => <CodebookPage id={id} />}</Route>
      <Route path="/projects/:id/guidelines">{({ id }) => <GuidelinesPage id={id} />}</Route>
      <Route path="/projects/:id/exchange">{({ id }) => <ExchangePage id={id} />}</Route>
      <Route path="/projects/:id/settings">{({ id }) => <SettingsPage id={id} />}</Route>
      <Route path="/"><ProjectsPage /></Route>
      <Route path="/login"><Redirect to="/" /></Route>
      <Route>
        <Shell title="Not found"><p>There is no page at this address. <a href="/">Go to your projects</a>.</p></Shell>
      </Route>
    </Switch>
  );
}
