/** The server's words, by short names. The shapes themselves are made from its OpenAPI schema (`npm run schema`). */

import type { components } from "./schema";

type Schemas = components["schemas"];
export type PassDetail = Schemas["PassDetail"];
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
