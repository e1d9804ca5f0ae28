/** A pass: everything it needs is fetched here, then the page of its stage takes over. */

import { useEffect, useMemo, useState } from "react";
import { useCodebook, useFrameMap, usePass, useProject, useSession } from "../api/queries";
import type { Clip, PassDetail } from "../api/types";
import { openOutbox, type Outbox } from "../commands/outbox";
import { Failure, Loading } from "../parts/feedback";
import { Shell } from "../parts/shell";
import { FrameMap } from "../player/frame_map";
import { WorkProvider } from "../work/context";
import { ElementsPage } from "./elements";
import { RoutinesPage } from "./routines";
import { SubActionsPage } from "./sub_actions";

const PAGES = { routines: RoutinesPage, "sub-actions": SubActionsPage, elements: ElementsPage };

export function PassPage({ id }: { id: string }) {
  const pass = usePass(id);
  const [clipNumber, setClipNumber] = useState<number | null>(null);
  const clip = pass.data === undefined ? undefined : chooseClip(pass.data, clipNumber);
  const project = useProject(pass.data?.item.project_id);
  const codebook = useCodebook(pass.data?.item.project_id);
  const map = useFrameMap(clip?.map_url);
  const session = useSession();
  const outbox = useOutbox();
  const frames = useMemo(() => (map.data === undefined ? null : new FrameMap(map.data)), [map.data]);
  const error = pass.error ?? codebook.error ?? map.error ?? project.error;
  if (error) return <Shell title="Work item" crumbs={[{ title: "Projects", to: "/" }]}><Failure error={error} retry={() => window.location.reload()} /></Shell>;
  if (pass.data && clip === undefined) {
    return <Shell title="Work item" crumbs={[{ title: "Projects", to: "/" }]}><p role="alert">This item has no proxy to play. Ask the lead to ingest the record again.</p></Shell>;
  }
  if (!pass.data || !clip || !project.data || !codebook.data || frames === null || !session.data?.person || outbox === null) {
    return <Loading what="the work item" />;
  }
  const Page = PAGES[pass.data.stage];
  return (
    <WorkProvider
      key={`${id}/${clip.number}`} pass={pass.data} clip={clip} map={frames} codebook={codebook.data} project={project.data}
      person={session.data.person} outbox={outbox} chooseClip={setClipNumber}
    >
      <Page />
    </WorkProvider>
  );
}

/** The clip asked for, else the one that shows most of the item. */
function chooseClip(pass: PassDetail, number: number | null): Clip | undefined {
  const { clips } = pass.media;
  const shown = (clip: Clip): number => Math.min(clip.end_frame, pass.item.end_frame) - Math.max(clip.start_frame, pass.item.start_frame);
  return clips.find((clip) => clip.number === number) ?? [...clips].sort((left, right) => shown(right) - shown(left))[0];
}

function useOutbox(): Outbox | null {
  const [outbox, setOutbox] = useState<Outbox | null>(null);
  useEffect(() => void openOutbox().then(setOutbox), []);
  return outbox;
}
