/** One exam, for its lead: what it asks by which rules, and who passed. */

import { useState, type FormEvent } from "react";
import { Link, useLocation } from "wouter";
import { useChangeExam, useExams, useGold, useMakeExam, useRetireExam } from "../api/quality_queries";
import type { Exam, Gold, Rules } from "../api/quality_types";
import { useCodebook } from "../api/queries";
import type { Project, Stage } from "../api/types";
import { Failure, FormError, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { StageChoice } from "../parts/stage_choice";
import { describeRules, makeRules } from "../quality/exam_words";
import { ExamResultsTable } from "./exam_results";
import { describeGold, describeLabels } from "./gold";
import { RulesFields } from "./exam_rules";

export function ExamPage({ id, exam }: { id: string; exam: string }) {
  return <ProjectShell id={id} title="Exam">{(project) => (exam === "new" ? <NewExam project={project} /> : <OldExam project={project} exam={exam} />)}</ProjectShell>;
}

function NewExam({ project }: { project: Project }) {
  const make = useMakeExam(project.id);
  const [, navigate] = useLocation();
  const [kind, setKind] = useState<Exam["kind"]>("training");
  const [stage, setStage] = useState<Stage>("elements");
  return (
    <>
      <h2>New exam</h2>
      <div className="filters">
        <label>Kind<select value={kind} onChange={(event) => setKind(event.target.value as Exam["kind"])}><option value="training">training: told what is right after each answer</option><option value="pretest">pretest: has to be passed</option></select></label>
        <StageChoice value={stage} onChange={setStage} />
      </div>
      <ExamForm
        key={`${kind}/${stage}`} project={project} kind={kind} stage={stage} name="" text="" rules={makeRules(stage, kind)} goldIds={null} error={make.error} isBusy={make.isPending} action="Make the exam"
        onSave={(facts) => make.mutate({ ...facts, kind, stage }, { onSuccess: (exam) => navigate(`/projects/${project.id}/exams/${exam.id}`) })}
      />
    </>
  );
}

function OldExam({ project, exam: id }: { project: Project; exam: string }) {
  const exams = useExams(project.id);
  const change = useChangeExam(project.id);
  const retire = useRetireExam(project.id);
  if (exams.isPending) return <Loading what="the exam" />;
  if (exams.isError) return <Failure error={exams.error} retry={() => void exams.refetch()} />;
  const exam = exams.data.find((one) => one.id === id);
  const isLead = project.role === "lead" || project.role === null;
  if (exam === undefined) return <p className="empty">There is no such exam. <Link href={`/projects/${project.id}/exams`}>All exams</Link></p>;
  return (
    <>
      <div className="content-head">
        <h2>{exam.name} <span className="count">{exam.kind}, {exam.stage}, version {exam.version}</span></h2>
        {exam.retired_at === null ? isLead && <button type="button" disabled={retire.isPending} onClick={() => retire.mutate(exam.id)}>Retire it</button> : <span className="badge">retired</span>}
      </div>
      {exam.stale.map((why) => <p key={why} className="note warn" role="status">{why}</p>)}
      {exam.kind === "pretest" && (exam.num_told ?? 0) > 0 && <p className="note warn">{exam.num_told} of its gold items are in a training too: whoever took that knows their answers.</p>}
      <ul className="bullets faint">{describeRules(exam).map((line) => <li key={line}>{line}</li>)}</ul>
      <FormError error={retire.error} />
      <ExamResultsTable project={project} exam={exam} isLead={isLead} />
      {exam.retired_at === null && isLead && (
        <details className="card" open={exam.stale.length > 0}>
          <summary>Change it</summary>
          <ExamForm
            key={exam.version} project={project} kind={exam.kind} stage={exam.stage} name={exam.name} text={exam.text} rules={exam.rules} goldIds={exam.gold_ids} error={change.error} isBusy={change.isPending} action="Save as a new version"
            onSave={(facts) => change.mutate({ ...facts, exam: exam.id, version: exam.version })}
          />
        </details>
      )}
    </>
  );
}

interface FormProps {
  readonly project: Project; readonly kind: Exam["kind"]; readonly stage: Stage; readonly name: string; readonly text: string; readonly rules: Rules;
  /** Null: all that are current, to begin with. */
  readonly goldIds: readonly string[] | null;
  readonly error: Error | null; readonly isBusy: boolean; readonly action: string;
  readonly onSave: (facts: { name: string; text: string; rules: Rules; gold_ids: readonly string[] }) => void;
}

function ExamForm(props: FormProps) {
  const { project, kind, stage } = props;
  const gold = useGold(project.id, stage);
  const [name, setName] = useState(props.name);
  const [text, setText] = useState(props.text);
  const [rules, setRules] = useState(props.rules);
  const [chosen, setChosen] = useState<readonly string[] | null>(props.goldIds);
  const current = (gold.data ?? []).filter((one) => one.withdrawn_at === null);
  const bank = chosen ?? current.filter((one) => one.stale.length === 0).map((one) => one.id);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    props.onSave({ name, text, rules, gold_ids: bank });
  };
  return (
    <form className="form exam-form" onSubmit={submit}>
      <label>Name<input required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} /></label>
      <label>What annotators read before they begin<textarea rows={3} maxLength={20_000} value={text} onChange={(event) => setText(event.target.value)} /></label>
      <RulesFields project={project} kind={kind} stage={stage} rules={rules} numGold={bank.length} onChange={setRules} />
      <Bank project={project} gold={current} isPending={gold.isPending} chosen={bank} onChange={setChosen} />
      <FormError error={props.error} />
      <div className="row end"><span className="faint">{bank.length === 0 ? "Choose at least one gold item." : describeRules({ kind, rules, num_gold: bank.length }).join("; ")}</span><button type="submit" className="primary" disabled={bank.length === 0 || props.isBusy}>{props.action}</button></div>
    </form>
  );
}

function Bank({ project, gold, isPending, chosen, onChange }: { project: Project; gold: readonly Gold[]; isPending: boolean; chosen: readonly string[]; onChange: (chosen: readonly string[]) => void }) {
  const codebook = useCodebook(project.id);
  const toggle = (id: string): void => onChange(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  return (
    <fieldset>
      <legend>Bank: the gold items that it asks <span className="count">{chosen.length} of {gold.length}</span></legend>
      {isPending && <Loading what="the gold items" />}
      {!isPending && gold.length === 0 && <p className="empty">There is no gold item of this stage. <Link href={`/projects/${project.id}/gold`}>Make some</Link> first.</p>}
      <ul className="bank">{gold.map((one) => (
        <li key={one.id}><label className="check">
          <input type="checkbox" checked={chosen.includes(one.id)} onChange={() => toggle(one.id)} />
          <span><strong>{one.record.name}</strong> {describeGold(one)} <span className="faint">{describeLabels(one.labels, (label) => codebook.data?.getName(label) ?? label)}</span>{one.stale.length > 0 && <span className="badge returned" title={one.stale.join(" ")}>out of date</span>}</span>
        </label></li>
      ))}</ul>
    </fieldset>
  );
}
