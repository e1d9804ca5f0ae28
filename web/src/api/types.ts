/** The server's words, by short names. The shapes themselves are made from its OpenAPI schema (`npm run schema`). */

import type { components } from "./schema";

type Schemas = components["schemas"];
export type PassDetail = Schemas["PassDetail"];
export type Media = Schemas["MediaShape"];
export type PassSummary = Schemas["PassSummary"];
export type Item = Schemas["ItemShape"];
export type Clip = Schemas["ClipShape"];
export type Suggestion = Schemas["SuggestionShape"];
export type Saved = Schemas["SavedShape"];
export type Preview = Schemas["PreviewShape"];
export type Effect = Schemas["EffectShape"];
export type Stage = Item["stage"];
export type Session = Schemas["SessionShape"];
export type Me = Schemas["MeShape"];
export type Project = Schemas["ProjectShape"];
export type Work = Schemas["WorkShape"];
export type Guideline = Schemas["GuidelineShape"];
export type Invitation = Schemas["InvitationShape"];
export type Role = NonNullable<Project["role"]>;
export type People = Schemas["PeopleShape"];
export type RecordFacts = Schemas["RecordShape"];
export type Job = Schemas["JobShape"];
export type Folder = Schemas["FolderShape"];
export type Progress = Schemas["ProgressShape"];
export type Overlap = Schemas["OverlapShape"];
export type Recheck = Schemas["RecheckShape"];
export type Revision = Schemas["RevisionShape"];
export type Batch = Schemas["BatchShape"];
export type ProjectSettings = Schemas["ProjectSettings"];
export type LogEvent = Schemas["LogShape"]["events"][number];
export type CodebookChange = Schemas["CodebookChange"];
export type Parse = Schemas["ParseShape"];
export type Parses = Schemas["ParsesShape"];
export type ParseRequest = Schemas["ParseRequest"];
export type Suggested = Schemas["SuggestedShape"];
export type Account = Schemas["PersonShape"];
