BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE attachments (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	name VARCHAR(300) NOT NULL, 
	media_type VARCHAR(100) NOT NULL, 
	file_name VARCHAR(100) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	author_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_attachments PRIMARY KEY (id), 
	CONSTRAINT fk_attachments_author_id FOREIGN KEY(author_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_attachments_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE chunks (
	id VARCHAR(36) NOT NULL, 
	record_id VARCHAR(36) NOT NULL, 
	number INTEGER NOT NULL, 
	start_frame INTEGER NOT NULL, 
	end_frame INTEGER NOT NULL, 
	start_ms BIGINT NOT NULL, 
	end_ms BIGINT NOT NULL, 
	CONSTRAINT pk_chunks PRIMARY KEY (id), 
	CONSTRAINT fk_chunks_record_id FOREIGN KEY(record_id) REFERENCES records (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_chunks_record_id_number UNIQUE (record_id, number)
);
INSERT INTO "chunks" VALUES('e451588b-4b6b-453f-a66f-b6a9b0372a63','a5d4905d-f9d0-4189-991f-8d7057b1246b',0,0,600,0,24000);
INSERT INTO "chunks" VALUES('d4c15bff-4588-4acc-923c-48af7d895f49','a5d4905d-f9d0-4189-991f-8d7057b1246b',1,450,1000,18000,40000);
INSERT INTO "chunks" VALUES('acceff62-8f9b-4d5e-bffe-46107c664666','f43991e5-21a8-4619-91e8-cf5fd24187fb',0,0,720,0,24024);
CREATE TABLE codebooks (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	number INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	version VARCHAR(100) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	yaml TEXT NOT NULL, 
	created_by VARCHAR(36) NOT NULL, 
	created_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_codebooks PRIMARY KEY (id), 
	CONSTRAINT fk_codebooks_created_by FOREIGN KEY(created_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_codebooks_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_codebooks_project_id_number UNIQUE (project_id, number)
);
INSERT INTO "codebooks" VALUES('8608b20c-4fae-4ef9-9b72-11f7d435fa38','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a',1,'tiny','1','f0b5da9b21f0b187546199afbb3d8c5fb87f75af4495c6a3e12ad4f3cec008b0','format: finegym-codebook/1
name: tiny
version: "1"
sport: gymnastics

# Asked in the trees below, by id.
queries:
  q_turn: {text: "Is there a turn?"}
  q_half: {text: "Is it half a turn?"}
  q_tuck: {text: "Is the body tucked?"}

events:
  - id: VT
    name: vault
    number: 1
    sets:
      - id: VT-S1
        name: VT_round_off
        elements:
          - {id: v1, name: "round-off, tucked"}
          - {id: v2, name: "round-off, stretched"}
        tree:
          ask: q_tuck  # Is the body tucked?
          "yes": v1  # round-off, tucked
          "no": v2  # round-off, stretched
  - id: BB
    name: balance beam
    number: 3
    sets:
      - id: BB-S1
        name: BB_turns
        elements:
          - {id: t1, name: half turn}
          - {id: t2, name: "full turn, tucked"}
          - {id: t3, name: full turn}
        tree:
          ask: q_turn  # Is there a turn?
          "yes":
            ask: q_half  # Is it half a turn?
            "yes": t1  # half turn
            "no":
              ask: q_tuck  # Is the body tucked?
              "yes": t2  # full turn, tucked
              "no": t3  # full turn
          "no": none
      - id: BB-S2
        name: BB_leaps
        elements:
          - {id: l1, name: split leap}
          - {id: l2, name: leap with half turn}
        tree:
          ask: q_turn  # Is there a turn?
          "yes": l2  # leap with half turn
          "no": l1  # split leap
','d4e88e08-fed4-48ef-a616-d4bbf20147bc',1764338400003);
CREATE TABLE comments (
	id VARCHAR(36) NOT NULL, 
	pass_id VARCHAR(36) NOT NULL, 
	text TEXT NOT NULL, 
	frame INTEGER, 
	time_ms BIGINT, 
	segment_id VARCHAR(36), 
	author_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	resolved_at_ms BIGINT, 
	resolved_by VARCHAR(36), 
	CONSTRAINT pk_comments PRIMARY KEY (id), 
	CONSTRAINT fk_comments_author_id FOREIGN KEY(author_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_comments_pass_id FOREIGN KEY(pass_id) REFERENCES passes (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_comments_resolved_by FOREIGN KEY(resolved_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "comments" VALUES('6e6bf454-488d-498a-8f4d-d58a9887caeb','c7705cc1-f33f-4eb2-94a8-9f2a7e0da4e3','sure?',70,2800,NULL,'be68b1a3-d8dd-48c4-876d-f52021fa266b',1764338400028,NULL,NULL);
CREATE TABLE comparisons (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	item_id VARCHAR(36) NOT NULL, 
	round INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	pass_ids JSON NOT NULL, 
	settings JSON NOT NULL, 
	units JSON NOT NULL, 
	reasons JSON NOT NULL, 
	by_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	routed_by VARCHAR(36), 
	routed_at_ms BIGINT, 
	routed_reason TEXT, 
	decided_by VARCHAR(36), 
	decided_at_ms BIGINT, 
	pass_id VARCHAR(36), 
	CONSTRAINT pk_comparisons PRIMARY KEY (id), 
	CONSTRAINT fk_comparisons_by_id FOREIGN KEY(by_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_comparisons_decided_by FOREIGN KEY(decided_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_comparisons_item_id FOREIGN KEY(item_id) REFERENCES items (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_comparisons_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_comparisons_routed_by FOREIGN KEY(routed_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_comparisons_item_id_number UNIQUE (item_id, number)
);
INSERT INTO "comparisons" VALUES('88888888-0000-4000-8000-000000000001','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','85161159-f315-42a8-8b03-6c0689fe87e0',1,1,'agreed','["bd76872a-89e4-449d-8c66-5234bf35f875"]','{"method": "majority"}','[]','[]','c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338500000,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE drift_alarms (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	person_id VARCHAR(36) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	measure VARCHAR(40) NOT NULL, 
	text TEXT NOT NULL, 
	facts JSON NOT NULL, 
	pass_ids JSON NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	answered_by VARCHAR(36), 
	answered_at_ms BIGINT, 
	remark TEXT, 
	CONSTRAINT pk_drift_alarms PRIMARY KEY (id), 
	CONSTRAINT fk_drift_alarms_answered_by FOREIGN KEY(answered_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_drift_alarms_person_id FOREIGN KEY(person_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_drift_alarms_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "drift_alarms" VALUES('77777777-0000-4000-8000-000000000001','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','c402de45-1896-4ad9-9eff-3aaf97bf06d9','sub-actions','right','1 of the last 5 gold segments are right.','{"value": 3.4, "limit": 3.0, "segments": 5}','["66666666-0000-4000-8000-000000000001"]','open',1764338500000,NULL,NULL,NULL);
CREATE TABLE exam_attempts (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	exam_id VARCHAR(36) NOT NULL, 
	version INTEGER NOT NULL, 
	person_id VARCHAR(36) NOT NULL, 
	number INTEGER NOT NULL, 
	codebook_number INTEGER NOT NULL, 
	guidelines_number INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	result JSON, 
	started_at_ms BIGINT NOT NULL, 
	finished_at_ms BIGINT, 
	CONSTRAINT pk_exam_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_exam_attempts_exam_id FOREIGN KEY(exam_id) REFERENCES exams (id), 
	CONSTRAINT fk_exam_attempts_person_id FOREIGN KEY(person_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_exam_attempts_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_exam_attempts_exam_id_person_id_number UNIQUE (exam_id, person_id, number)
);
INSERT INTO "exam_attempts" VALUES('33333333-0000-4000-8000-000000000001','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','22222222-0000-4000-8000-000000000001',1,'c402de45-1896-4ad9-9eff-3aaf97bf06d9',1,1,0,'open',NULL,1764338500000,NULL);
CREATE TABLE exam_tries (
	id VARCHAR(36) NOT NULL, 
	exam_id VARCHAR(36) NOT NULL, 
	person_id VARCHAR(36) NOT NULL, 
	reason TEXT NOT NULL, 
	author_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_exam_tries PRIMARY KEY (id), 
	CONSTRAINT fk_exam_tries_author_id FOREIGN KEY(author_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_exam_tries_exam_id FOREIGN KEY(exam_id) REFERENCES exams (id), 
	CONSTRAINT fk_exam_tries_person_id FOREIGN KEY(person_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "exam_tries" VALUES('44444444-0000-4000-8000-000000000001','22222222-0000-4000-8000-000000000001','c402de45-1896-4ad9-9eff-3aaf97bf06d9','the browser broke','c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338500000);
CREATE TABLE exam_versions (
	exam_id VARCHAR(36) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	text TEXT NOT NULL, 
	rules JSON NOT NULL, 
	gold_ids JSON NOT NULL, 
	codebook_number INTEGER NOT NULL, 
	guidelines JSON NOT NULL, 
	author_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_exam_versions PRIMARY KEY (exam_id, version), 
	CONSTRAINT fk_exam_versions_author_id FOREIGN KEY(author_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_exam_versions_exam_id FOREIGN KEY(exam_id) REFERENCES exams (id)
);
INSERT INTO "exam_versions" VALUES('22222222-0000-4000-8000-000000000001',1,'first steps','','{}','["11111111-0000-4000-8000-000000000001"]',1,'{}','c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338500000);
CREATE TABLE exams (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	version INTEGER NOT NULL, 
	author_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	retired_at_ms BIGINT, 
	retired_by VARCHAR(36), 
	CONSTRAINT pk_exams PRIMARY KEY (id), 
	CONSTRAINT fk_exams_author_id FOREIGN KEY(author_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_exams_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_exams_retired_by FOREIGN KEY(retired_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "exams" VALUES('22222222-0000-4000-8000-000000000001','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','training','sub-actions',1,'c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338500000,NULL,NULL);
CREATE TABLE gold_answers (
	pass_id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	gold_id VARCHAR(36) NOT NULL, 
	item_id VARCHAR(36) NOT NULL, 
	person_id VARCHAR(36) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	attempt_id VARCHAR(36), 
	number INTEGER NOT NULL, 
	asked_at_ms BIGINT NOT NULL, 
	score DOUBLE, 
	is_right BOOLEAN, 
	grade JSON, 
	graded_version INTEGER, 
	graded_at_ms BIGINT, 
	CONSTRAINT pk_gold_answers PRIMARY KEY (pass_id), 
	CONSTRAINT fk_gold_answers_attempt_id FOREIGN KEY(attempt_id) REFERENCES exam_attempts (id), 
	CONSTRAINT fk_gold_answers_gold_id FOREIGN KEY(gold_id) REFERENCES gold_items (id), 
	CONSTRAINT fk_gold_answers_item_id FOREIGN KEY(item_id) REFERENCES items (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_gold_answers_pass_id FOREIGN KEY(pass_id) REFERENCES passes (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_gold_answers_person_id FOREIGN KEY(person_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_gold_answers_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "gold_answers" VALUES('66666666-0000-4000-8000-000000000001','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','11111111-0000-4000-8000-000000000001','55555555-0000-4000-8000-000000000001','c402de45-1896-4ad9-9eff-3aaf97bf06d9','sub-actions','training','33333333-0000-4000-8000-000000000001',1,1764338500000,NULL,1,'{"units": []}',1,1764338500000);
CREATE TABLE gold_grades (
	pass_id VARCHAR(36) NOT NULL, 
	pass_version INTEGER NOT NULL, 
	score DOUBLE, 
	is_right BOOLEAN, 
	grade JSON NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_gold_grades PRIMARY KEY (pass_id, pass_version), 
	CONSTRAINT fk_gold_grades_pass_id FOREIGN KEY(pass_id) REFERENCES passes (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "gold_grades" VALUES('66666666-0000-4000-8000-000000000001',1,NULL,1,'{"units": []}',1764338500000);
CREATE TABLE gold_items (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	item_id VARCHAR(36) NOT NULL, 
	pass_id VARCHAR(36) NOT NULL, 
	pass_version INTEGER NOT NULL, 
	record_id VARCHAR(36) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	chunk_number INTEGER, 
	action_id VARCHAR(36), 
	action_label VARCHAR(200), 
	start_frame INTEGER NOT NULL, 
	end_frame INTEGER NOT NULL, 
	start_ms BIGINT NOT NULL, 
	end_ms BIGINT NOT NULL, 
	start JSON NOT NULL, 
	truth JSON NOT NULL, 
	codebook_number INTEGER NOT NULL, 
	guidelines JSON NOT NULL, 
	is_silent BOOLEAN NOT NULL, 
	note TEXT NOT NULL, 
	guideline_key VARCHAR(300), 
	author_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	withdrawn_at_ms BIGINT, 
	withdrawn_by VARCHAR(36), 
	CONSTRAINT pk_gold_items PRIMARY KEY (id), 
	CONSTRAINT fk_gold_items_author_id FOREIGN KEY(author_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_gold_items_item_id FOREIGN KEY(item_id) REFERENCES items (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_gold_items_pass_id FOREIGN KEY(pass_id) REFERENCES passes (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_gold_items_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_gold_items_record_id FOREIGN KEY(record_id) REFERENCES records (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_gold_items_withdrawn_by FOREIGN KEY(withdrawn_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "gold_items" VALUES('11111111-0000-4000-8000-000000000001','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','85161159-f315-42a8-8b03-6c0689fe87e0','bd76872a-89e4-449d-8c66-5234bf35f875',3,'a5d4905d-f9d0-4189-991f-8d7057b1246b','sub-actions',0,'373e7057-44d2-4c9b-bd8d-aaf4f4aad174','BB',50,300,2000,12000,'[]','[]',1,'{}',1,'',NULL,'c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338500000,NULL,NULL);
CREATE TABLE guidelines (
	id INTEGER NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	"key" VARCHAR(300) NOT NULL, 
	version INTEGER NOT NULL, 
	title VARCHAR(300) NOT NULL, 
	text TEXT NOT NULL, 
	media JSON NOT NULL, 
	author_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_guidelines PRIMARY KEY (id), 
	CONSTRAINT fk_guidelines_author_id FOREIGN KEY(author_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_guidelines_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_guidelines_project_id_key_version UNIQUE (project_id, "key", version)
);
INSERT INTO "guidelines" VALUES(1,'1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','general',1,'All','Look.','[]','ebbc38c0-608f-4571-92ae-5937715e3e9e',1764338400029);
CREATE TABLE invitations (
	id VARCHAR(36) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	project_id VARCHAR(36), 
	role VARCHAR(20), 
	email VARCHAR(254), 
	person_id VARCHAR(36), 
	created_by VARCHAR(36), 
	created_at_ms BIGINT NOT NULL, 
	expires_at_ms BIGINT NOT NULL, 
	used_at_ms BIGINT, 
	used_by VARCHAR(36), 
	withdrawn_at_ms BIGINT, 
	CONSTRAINT pk_invitations PRIMARY KEY (id), 
	CONSTRAINT fk_invitations_created_by FOREIGN KEY(created_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_invitations_person_id FOREIGN KEY(person_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_invitations_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_invitations_used_by FOREIGN KEY(used_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_invitations_token_hash UNIQUE (token_hash)
);
INSERT INTO "invitations" VALUES('55b730cb-30e9-41df-952e-0bea1ad964f4','5d89bb72c34c8420d0af11b41ea185c2a467c2e4bea5a27dd36e226bce008d33','first_admin',NULL,NULL,NULL,NULL,NULL,1764338400001,1764943200001,1764338400002,'d4e88e08-fed4-48ef-a616-d4bbf20147bc',NULL);
INSERT INTO "invitations" VALUES('c99d8aab-5e8a-424e-9c48-5cc82b0aa1c7','783a339c65b59af1fed7c357198a20889924c37fda74a65bcc71d85d8693e27c','project','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','lead',NULL,NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc',1764338400004,1765548000004,1764338400005,'ebbc38c0-608f-4571-92ae-5937715e3e9e',NULL);
INSERT INTO "invitations" VALUES('77a43121-efb4-40b2-8ce8-1d819f04dadf','3ffc7d113cbdd8a6059c704f87bf5abb587853a5ac07d81782d9515b4a5d123f','project','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','reviewer',NULL,NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc',1764338400006,1765548000006,1764338400007,'3dbdebf8-9103-4b24-9aff-9d1e97921601',NULL);
INSERT INTO "invitations" VALUES('4786c540-de9f-465f-b30a-b1302554dbba','0d5e5a2d17df65a00ab322c40683aa31571918a304e5abbafa78965d949a0e62','project','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','annotator',NULL,NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc',1764338400008,1765548000008,1764338400009,'c402de45-1896-4ad9-9eff-3aaf97bf06d9',NULL);
INSERT INTO "invitations" VALUES('d2e72f71-e290-4ac7-9a5a-1cc98657ef9b','5b90f283f320ac7d6de479e219b014d899ec8ca251986f463d08ed2e8627d86d','project','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','annotator',NULL,NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc',1764338400010,1765548000010,1764338400011,'be68b1a3-d8dd-48c4-876d-f52021fa266b',NULL);
INSERT INTO "invitations" VALUES('187b5fab-790c-49f1-a349-a6afadc0faf8','4e4a28f8db7eb493e896957191d95eb03c1b3dc6d83efcc39db2d5736a2dca4d','project','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','viewer',NULL,NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc',1764338400012,1765548000012,1764338400013,'3e7c925f-787c-49c1-a542-86a2e3b51d64',NULL);
CREATE TABLE items (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	record_id VARCHAR(36) NOT NULL, 
	"key" VARCHAR(80) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	purpose VARCHAR(20) NOT NULL, 
	chunk_number INTEGER, 
	action_id VARCHAR(36), 
	action_label VARCHAR(200), 
	start_frame INTEGER NOT NULL, 
	end_frame INTEGER NOT NULL, 
	start_ms BIGINT NOT NULL, 
	end_ms BIGINT NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	priority INTEGER NOT NULL, 
	position BIGINT NOT NULL, 
	annotators INTEGER, 
	assignees JSON NOT NULL, 
	recheck TEXT, 
	is_blind BOOLEAN NOT NULL, 
	round INTEGER NOT NULL, 
	accepted_pass_id VARCHAR(36), 
	created_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_items PRIMARY KEY (id), 
	CONSTRAINT fk_items_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_items_record_id FOREIGN KEY(record_id) REFERENCES records (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_items_record_id_key UNIQUE (record_id, "key")
);
INSERT INTO "items" VALUES('c1f79e33-5cf1-4844-bbba-ecff23c0d13a','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','a5d4905d-f9d0-4189-991f-8d7057b1246b','routines:0','routines','work',0,NULL,NULL,0,600,0,24000,'accepted',0,0,NULL,'[]',NULL,0,1,'f2092de4-77f2-4a50-aa79-35ab75f23d2a',1764338400014);
INSERT INTO "items" VALUES('c2698fcc-b252-4bdc-9afa-d0750bcb695c','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','a5d4905d-f9d0-4189-991f-8d7057b1246b','routines:1','routines','work',1,NULL,NULL,450,1000,18000,40000,'open',0,18000,NULL,'[]',NULL,0,1,NULL,1764338400014);
INSERT INTO "items" VALUES('7a4eb19c-1000-4376-83d2-8cdbd3b34a56','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','f43991e5-21a8-4619-91e8-cf5fd24187fb','routines:0','routines','work',0,NULL,NULL,0,720,0,24024,'open',0,10000000000,NULL,'[]',NULL,0,1,NULL,1764338400014);
INSERT INTO "items" VALUES('85161159-f315-42a8-8b03-6c0689fe87e0','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','a5d4905d-f9d0-4189-991f-8d7057b1246b','sub-actions:373e7057-44d2-4c9b-bd8d-aaf4f4aad174','sub-actions','work',0,'373e7057-44d2-4c9b-bd8d-aaf4f4aad174','BB',50,300,2000,12000,'accepted',0,2000,NULL,'[]',NULL,0,1,'bd76872a-89e4-449d-8c66-5234bf35f875',1764338400019);
INSERT INTO "items" VALUES('8bc7cc28-183a-4f7f-b2c2-72ef2c0eb419','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','a5d4905d-f9d0-4189-991f-8d7057b1246b','sub-actions:50268691-2596-4f35-8142-ead987062aa8','sub-actions','work',0,'50268691-2596-4f35-8142-ead987062aa8','VT',320,400,12800,16000,'open',0,12800,NULL,'[]',NULL,0,1,NULL,1764338400019);
INSERT INTO "items" VALUES('a88458d4-bdcd-43be-ae3d-5a308c46cb78','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','a5d4905d-f9d0-4189-991f-8d7057b1246b','elements:373e7057-44d2-4c9b-bd8d-aaf4f4aad174','elements','work',0,'373e7057-44d2-4c9b-bd8d-aaf4f4aad174','BB',50,300,2000,12000,'open',0,2000,NULL,'[]',NULL,0,1,NULL,1764338400024);
INSERT INTO "items" VALUES('55555555-0000-4000-8000-000000000001','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','a5d4905d-f9d0-4189-991f-8d7057b1246b','exam:55555555-0000-4000-8000-000000000001','sub-actions','exam',0,'373e7057-44d2-4c9b-bd8d-aaf4f4aad174','BB',50,300,2000,12000,'submitted',0,0,1,'["c402de45-1896-4ad9-9eff-3aaf97bf06d9"]',NULL,0,1,NULL,1764338500000);
CREATE TABLE jobs (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	asked JSON NOT NULL, 
	progress JSON NOT NULL, 
	report JSON, 
	error TEXT, 
	created_by VARCHAR(36) NOT NULL, 
	created_at_ms BIGINT NOT NULL, 
	started_at_ms BIGINT, 
	finished_at_ms BIGINT, 
	CONSTRAINT pk_jobs PRIMARY KEY (id), 
	CONSTRAINT fk_jobs_created_by FOREIGN KEY(created_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_jobs_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE log (
	id INTEGER NOT NULL, 
	at_ms BIGINT NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	text TEXT NOT NULL, 
	project_id VARCHAR(36), 
	person_id VARCHAR(36), 
	facts JSON NOT NULL, 
	CONSTRAINT pk_log PRIMARY KEY (id), 
	CONSTRAINT fk_log_person_id FOREIGN KEY(person_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_log_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "log" VALUES(1,1764338400001,'invitation','A link was made: first_admin.',NULL,NULL,'{}');
INSERT INTO "log" VALUES(2,1764338400002,'invitation_used','Admin used a link: first_admin.',NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc','{}');
INSERT INTO "log" VALUES(3,1764338400003,'role','A role was given: lead.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','{"whom": "d4e88e08-fed4-48ef-a616-d4bbf20147bc", "role": "lead"}');
INSERT INTO "log" VALUES(4,1764338400004,'invitation','A link was made: project.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','{}');
INSERT INTO "log" VALUES(5,1764338400005,'role','A role was given: lead.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','{"whom": "ebbc38c0-608f-4571-92ae-5937715e3e9e", "role": "lead"}');
INSERT INTO "log" VALUES(6,1764338400005,'invitation_used','Lead used a link: project.',NULL,'ebbc38c0-608f-4571-92ae-5937715e3e9e','{}');
INSERT INTO "log" VALUES(7,1764338400006,'invitation','A link was made: project.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','{}');
INSERT INTO "log" VALUES(8,1764338400007,'role','A role was given: reviewer.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','{"whom": "3dbdebf8-9103-4b24-9aff-9d1e97921601", "role": "reviewer"}');
INSERT INTO "log" VALUES(9,1764338400007,'invitation_used','Reviewer used a link: project.',NULL,'3dbdebf8-9103-4b24-9aff-9d1e97921601','{}');
INSERT INTO "log" VALUES(10,1764338400008,'invitation','A link was made: project.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','{}');
INSERT INTO "log" VALUES(11,1764338400009,'role','A role was given: annotator.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','{"whom": "c402de45-1896-4ad9-9eff-3aaf97bf06d9", "role": "annotator"}');
INSERT INTO "log" VALUES(12,1764338400009,'invitation_used','Ann used a link: project.',NULL,'c402de45-1896-4ad9-9eff-3aaf97bf06d9','{}');
INSERT INTO "log" VALUES(13,1764338400010,'invitation','A link was made: project.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','{}');
INSERT INTO "log" VALUES(14,1764338400011,'role','A role was given: annotator.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','{"whom": "be68b1a3-d8dd-48c4-876d-f52021fa266b", "role": "annotator"}');
INSERT INTO "log" VALUES(15,1764338400011,'invitation_used','Bob used a link: project.',NULL,'be68b1a3-d8dd-48c4-876d-f52021fa266b','{}');
INSERT INTO "log" VALUES(16,1764338400012,'invitation','A link was made: project.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','{}');
INSERT INTO "log" VALUES(17,1764338400013,'role','A role was given: viewer.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','{"whom": "3e7c925f-787c-49c1-a542-86a2e3b51d64", "role": "viewer"}');
INSERT INTO "log" VALUES(18,1764338400013,'invitation_used','Viewer used a link: project.',NULL,'3e7c925f-787c-49c1-a542-86a2e3b51d64','{}');
INSERT INTO "log" VALUES(19,1764338400019,'review_accept','Reviewer: accept a pass of stage routines.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','3dbdebf8-9103-4b24-9aff-9d1e97921601','{"pass_id": "f2092de4-77f2-4a50-aa79-35ab75f23d2a"}');
INSERT INTO "log" VALUES(20,1764338400024,'review_accept','Reviewer: accept a pass of stage sub-actions.','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','3dbdebf8-9103-4b24-9aff-9d1e97921601','{"pass_id": "bd76872a-89e4-449d-8c66-5234bf35f875"}');
CREATE TABLE login_attempts (
	id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_login_attempts PRIMARY KEY (id)
);
CREATE TABLE memberships (
	id INTEGER NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	person_id VARCHAR(36) NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	since_ms BIGINT NOT NULL, 
	until_ms BIGINT, 
	given_by VARCHAR(36), 
	CONSTRAINT pk_memberships PRIMARY KEY (id), 
	CONSTRAINT fk_memberships_given_by FOREIGN KEY(given_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_memberships_person_id FOREIGN KEY(person_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_memberships_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "memberships" VALUES(1,'1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','d4e88e08-fed4-48ef-a616-d4bbf20147bc','lead',1764338400003,NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc');
INSERT INTO "memberships" VALUES(2,'1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','ebbc38c0-608f-4571-92ae-5937715e3e9e','lead',1764338400005,NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc');
INSERT INTO "memberships" VALUES(3,'1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','3dbdebf8-9103-4b24-9aff-9d1e97921601','reviewer',1764338400007,NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc');
INSERT INTO "memberships" VALUES(4,'1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','c402de45-1896-4ad9-9eff-3aaf97bf06d9','annotator',1764338400009,NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc');
INSERT INTO "memberships" VALUES(5,'1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','be68b1a3-d8dd-48c4-876d-f52021fa266b','annotator',1764338400011,NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc');
INSERT INTO "memberships" VALUES(6,'1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','3e7c925f-787c-49c1-a542-86a2e3b51d64','viewer',1764338400013,NULL,'d4e88e08-fed4-48ef-a616-d4bbf20147bc');
CREATE TABLE operations (
	uuid VARCHAR(36) NOT NULL, 
	pass_id VARCHAR(36) NOT NULL, 
	pass_version INTEGER NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	payload JSON NOT NULL, 
	based_on INTEGER, 
	content_hash VARCHAR(64) NOT NULL, 
	reason TEXT, 
	author_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	client_time VARCHAR(40), 
	CONSTRAINT pk_operations PRIMARY KEY (uuid), 
	CONSTRAINT fk_operations_author_id FOREIGN KEY(author_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_operations_pass_id FOREIGN KEY(pass_id) REFERENCES passes (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_operations_pass_id_pass_version UNIQUE (pass_id, pass_version)
);
INSERT INTO "operations" VALUES('cc21ae09-0a02-41e2-a168-00cdd434dbd3','f2092de4-77f2-4a50-aa79-35ab75f23d2a',1,'create_segment','{"segment_id": "373e7057-44d2-4c9b-bd8d-aaf4f4aad174", "level": "action", "start_frame": 50, "end_frame": 300, "label": "BB"}',NULL,'449b1ea93b8b3ed5f6d2b40305c43c035ac8b9788cdc9fa69b7bb7a6f50d3756',NULL,'c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338400017,NULL);
INSERT INTO "operations" VALUES('aa3520b1-22bd-4863-b3c2-416ce1190a6e','f2092de4-77f2-4a50-aa79-35ab75f23d2a',2,'create_segment','{"segment_id": "50268691-2596-4f35-8142-ead987062aa8", "level": "action", "start_frame": 320, "end_frame": 400, "label": "VT"}',NULL,'a5f8f36c62ab033065b606d8a688520e43045b012bf2ad592cadaeb674d4f6a4',NULL,'c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338400017,NULL);
INSERT INTO "operations" VALUES('5d457b05-74c1-4367-b5b1-b92f51eb18b9','f2092de4-77f2-4a50-aa79-35ab75f23d2a',3,'sign_off','{}',NULL,'0f1cd395746433e0773c71af7881d12d98b5273aea9cd844f129f380da594830',NULL,'c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338400018,NULL);
INSERT INTO "operations" VALUES('844853ae-d3b1-4d18-8794-20e618e0c13a','f2092de4-77f2-4a50-aa79-35ab75f23d2a',4,'review_accept','{"comment": null}',NULL,'',NULL,'3dbdebf8-9103-4b24-9aff-9d1e97921601',1764338400019,NULL);
INSERT INTO "operations" VALUES('4de4fd5a-9f01-44c2-b708-11b43d55723d','bd76872a-89e4-449d-8c66-5234bf35f875',1,'create_segment','{"segment_id": "e10e3a5d-de2f-41db-8637-0b63223ed73a", "level": "sub-action", "parent_id": "373e7057-44d2-4c9b-bd8d-aaf4f4aad174", "start_frame": 60, "end_frame": 90, "label": "BB-S1"}',NULL,'287364d79c84d309b60fd26a69edb399d43c5b96aa929218c79b79aab0b099cf',NULL,'be68b1a3-d8dd-48c4-876d-f52021fa266b',1764338400022,NULL);
INSERT INTO "operations" VALUES('6e1a4f52-8907-4fe0-882a-8f07939cb16f','bd76872a-89e4-449d-8c66-5234bf35f875',2,'sign_off','{}',NULL,'0f1cd395746433e0773c71af7881d12d98b5273aea9cd844f129f380da594830',NULL,'be68b1a3-d8dd-48c4-876d-f52021fa266b',1764338400023,NULL);
INSERT INTO "operations" VALUES('baaa32a2-3ded-4d4c-a5bc-1c26ffda960f','bd76872a-89e4-449d-8c66-5234bf35f875',3,'review_accept','{"comment": null}',NULL,'',NULL,'3dbdebf8-9103-4b24-9aff-9d1e97921601',1764338400024,NULL);
INSERT INTO "operations" VALUES('2a5bebfa-1b66-4ae9-bd05-6a607b1d6e02','c7705cc1-f33f-4eb2-94a8-9f2a7e0da4e3',1,'set_label','{"segment_id": "bb02f8e3-5433-5321-a385-aaf15741863a", "label": "t2"}',NULL,'0c38329e7fdce79b6adfc2ffd72fb9f7defa1354bf38fceaa218daa86e3be997',NULL,'be68b1a3-d8dd-48c4-876d-f52021fa266b',1764338400027,NULL);
INSERT INTO "operations" VALUES('53cff54b-f7db-4e8f-992a-0f997273e707','c7705cc1-f33f-4eb2-94a8-9f2a7e0da4e3',2,'comment','{"comment_id": "6e6bf454-488d-498a-8f4d-d58a9887caeb", "text": "sure?", "frame": 70}',NULL,'3a256c95613be16141cd4cac5724624d1350e7c34a094868c97996a080ba03a1',NULL,'be68b1a3-d8dd-48c4-876d-f52021fa266b',1764338400028,NULL);
CREATE TABLE overlaps (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	record_id VARCHAR(36) NOT NULL, 
	left_id VARCHAR(36) NOT NULL, 
	right_id VARCHAR(36) NOT NULL, 
	left_chunk INTEGER NOT NULL, 
	right_chunk INTEGER NOT NULL, 
	tiou DOUBLE NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	kept_id VARCHAR(36), 
	answered_by VARCHAR(36), 
	answered_at_ms BIGINT, 
	created_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_overlaps PRIMARY KEY (id), 
	CONSTRAINT fk_overlaps_answered_by FOREIGN KEY(answered_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_overlaps_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_overlaps_record_id FOREIGN KEY(record_id) REFERENCES records (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_overlaps_left_id_right_id UNIQUE (left_id, right_id)
);
CREATE TABLE passes (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	item_id VARCHAR(36) NOT NULL, 
	person_id VARCHAR(36) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	round INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	version INTEGER NOT NULL, 
	is_blind BOOLEAN NOT NULL, 
	lease_until_ms BIGINT NOT NULL, 
	signed_off_at_ms BIGINT, 
	reviewed_at_ms BIGINT, 
	reviewed_by VARCHAR(36), 
	active_ms BIGINT NOT NULL, 
	heartbeat_at_ms BIGINT, 
	created_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_passes PRIMARY KEY (id), 
	CONSTRAINT fk_passes_item_id FOREIGN KEY(item_id) REFERENCES items (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_passes_person_id FOREIGN KEY(person_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_passes_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_passes_reviewed_by FOREIGN KEY(reviewed_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_passes_item_id_person_id_round UNIQUE (item_id, person_id, round)
);
INSERT INTO "passes" VALUES('f2092de4-77f2-4a50-aa79-35ab75f23d2a','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','c1f79e33-5cf1-4844-bbba-ecff23c0d13a','c402de45-1896-4ad9-9eff-3aaf97bf06d9','annotation',1,'accepted',4,1,1764342000016,1764338400018,1764338400019,'3dbdebf8-9103-4b24-9aff-9d1e97921601',0,NULL,1764338400016);
INSERT INTO "passes" VALUES('bd76872a-89e4-449d-8c66-5234bf35f875','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','85161159-f315-42a8-8b03-6c0689fe87e0','be68b1a3-d8dd-48c4-876d-f52021fa266b','annotation',1,'accepted',3,1,1764342000021,1764338400023,1764338400024,'3dbdebf8-9103-4b24-9aff-9d1e97921601',0,NULL,1764338400021);
INSERT INTO "passes" VALUES('c7705cc1-f33f-4eb2-94a8-9f2a7e0da4e3','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','a88458d4-bdcd-43be-ae3d-5a308c46cb78','be68b1a3-d8dd-48c4-876d-f52021fa266b','annotation',1,'open',2,1,1764342000026,NULL,NULL,NULL,0,NULL,1764338400026);
INSERT INTO "passes" VALUES('66666666-0000-4000-8000-000000000001','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','55555555-0000-4000-8000-000000000001','c402de45-1896-4ad9-9eff-3aaf97bf06d9','annotation',1,'submitted',1,1,1764338500000,1764338500000,NULL,NULL,0,NULL,1764338500000);
CREATE TABLE people (
	id VARCHAR(36) NOT NULL, 
	email VARCHAR(254) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	password_hash TEXT NOT NULL, 
	is_admin BOOLEAN NOT NULL, 
	is_disabled BOOLEAN NOT NULL, 
	preferences JSON NOT NULL, 
	created_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_people PRIMARY KEY (id), 
	CONSTRAINT uq_people_email UNIQUE (email)
);
INSERT INTO "people" VALUES('d4e88e08-fed4-48ef-a616-d4bbf20147bc','admin@example.org','Admin','$argon2id$v=19$m=65536,t=3,p=4$DZBXvxu+ZoDLAuv6jedIGg$zZEo0qC1T0ckdTFnTtwewNsEhsnsrrvkqysFcvQRPME',1,0,'{}',1764338400002);
INSERT INTO "people" VALUES('ebbc38c0-608f-4571-92ae-5937715e3e9e','lead@example.org','Lead','$argon2id$v=19$m=65536,t=3,p=4$BMHiRvW9D9rUEam9AqHCog$AR7sChOjEj1pb2gnWED1Z7g4bRaP47XUX1Y0PZVrfk0',0,0,'{}',1764338400005);
INSERT INTO "people" VALUES('3dbdebf8-9103-4b24-9aff-9d1e97921601','reviewer@example.org','Reviewer','$argon2id$v=19$m=65536,t=3,p=4$UXJ1ElnPO5TFaPdcnOCfhA$4RC7G6/AvYkz1w7uvzG4pxvefT/Mjcs9WqYTEBCKq8E',0,0,'{}',1764338400007);
INSERT INTO "people" VALUES('c402de45-1896-4ad9-9eff-3aaf97bf06d9','ann@example.org','Ann','$argon2id$v=19$m=65536,t=3,p=4$Ovu7I6B6DX2UDQ6UBvWITw$A3Y88Gh799f++oEjAGVKxAaidq9q6qOpXutEq/t38A4',0,0,'{}',1764338400009);
INSERT INTO "people" VALUES('be68b1a3-d8dd-48c4-876d-f52021fa266b','bob@example.org','Bob','$argon2id$v=19$m=65536,t=3,p=4$sLgkxYJaddtXbp81x2HdDQ$FwD2ec2qm9IhTyLf+5IAFi1lvpV181JFCC1dfFva/AU',0,0,'{}',1764338400011);
INSERT INTO "people" VALUES('3e7c925f-787c-49c1-a542-86a2e3b51d64','viewer@example.org','Viewer','$argon2id$v=19$m=65536,t=3,p=4$ErcSuMuJE6pe2O91kz6V3w$i1WFzYQFCmekNAE06uYgp7hNBF+kUnBXFdDIcH4FG4U',0,0,'{}',1764338400013);
CREATE TABLE projects (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	settings JSON NOT NULL, 
	version INTEGER NOT NULL, 
	codebook_id VARCHAR(36) NOT NULL, 
	created_by VARCHAR(36) NOT NULL, 
	created_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (id), 
	CONSTRAINT fk_projects_created_by FOREIGN KEY(created_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "projects" VALUES('1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','Worlds','{"annotators_per_item": {"routines": 1, "sub-actions": 1, "elements": 1}, "order": "record", "lease_minutes": 60, "is_blind": true, "may_review_own": false, "stages_of_event": {"VT": 3}, "lead_frames": 0, "lag_frames": 0}',1,'8608b20c-4fae-4ef9-9b72-11f7d435fa38','d4e88e08-fed4-48ef-a616-d4bbf20147bc',1764338400003);
CREATE TABLE rechecks (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	pass_id VARCHAR(36) NOT NULL, 
	segment_id VARCHAR(36) NOT NULL, 
	reason TEXT NOT NULL, 
	old_path JSON NOT NULL, 
	new_path JSON, 
	old_codebook INTEGER NOT NULL, 
	new_codebook INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	answered_by VARCHAR(36), 
	answered_at_ms BIGINT, 
	created_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_rechecks PRIMARY KEY (id), 
	CONSTRAINT fk_rechecks_answered_by FOREIGN KEY(answered_by) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_rechecks_pass_id FOREIGN KEY(pass_id) REFERENCES passes (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_rechecks_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_rechecks_segment_id_new_codebook UNIQUE (segment_id, new_codebook)
);
CREATE TABLE records (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	name VARCHAR(300) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	num_frames INTEGER NOT NULL, 
	start_ms BIGINT NOT NULL, 
	end_ms BIGINT NOT NULL, 
	fps_average DOUBLE NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	competition VARCHAR(300) NOT NULL, 
	media_path TEXT NOT NULL, 
	verdict VARCHAR(20) NOT NULL, 
	has_proxies BOOLEAN NOT NULL, 
	num_chunks INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	added_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_records PRIMARY KEY (id), 
	CONSTRAINT fk_records_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_records_project_id_name UNIQUE (project_id, name)
);
INSERT INTO "records" VALUES('a5d4905d-f9d0-4189-991f-8d7057b1246b','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','alpha','dfbd4fab8ca4978c5b299b674724fcec35a678d4b222657863c8b8a4f70251cf',1000,0,40000,25.0,96,72,'','/data/media/alpha.mp4','accepted',1,2,0,1764338400014);
INSERT INTO "records" VALUES('f43991e5-21a8-4619-91e8-cf5fd24187fb','1d90a9b3-8780-4d8d-a1d9-ee2be3d41c3a','beta','059f4bd54047b08121fcdff869538b26428d0b30424eedb610d201caf918a4af',720,0,24024,29.97,96,72,'','/data/media/beta.mp4','accepted',1,1,1,1764338400014);
CREATE TABLE revisions (
	segment_id VARCHAR(36) NOT NULL, 
	version INTEGER NOT NULL, 
	pass_id VARCHAR(36) NOT NULL, 
	pass_version INTEGER NOT NULL, 
	operation_uuid VARCHAR(36), 
	author_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	fields JSON NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (segment_id, version), 
	CONSTRAINT fk_revisions_author_id FOREIGN KEY(author_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_revisions_pass_id FOREIGN KEY(pass_id) REFERENCES passes (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "revisions" VALUES('373e7057-44d2-4c9b-bd8d-aaf4f4aad174',1,'f2092de4-77f2-4a50-aa79-35ab75f23d2a',1,'cc21ae09-0a02-41e2-a168-00cdd434dbd3','c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338400017,'{"id": "373e7057-44d2-4c9b-bd8d-aaf4f4aad174", "level": "action", "parent_id": null, "start_frame": 50, "end_frame": 300, "start_ms": 2000, "end_ms": 12000, "label": "BB", "path": [], "is_no_element": false, "discard": null, "is_deleted": false, "origin": null, "codebook_number": null, "confirmed": null, "version": 1}');
INSERT INTO "revisions" VALUES('50268691-2596-4f35-8142-ead987062aa8',1,'f2092de4-77f2-4a50-aa79-35ab75f23d2a',2,'aa3520b1-22bd-4863-b3c2-416ce1190a6e','c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338400017,'{"id": "50268691-2596-4f35-8142-ead987062aa8", "level": "action", "parent_id": null, "start_frame": 320, "end_frame": 400, "start_ms": 12800, "end_ms": 16000, "label": "VT", "path": [], "is_no_element": false, "discard": null, "is_deleted": false, "origin": null, "codebook_number": null, "confirmed": null, "version": 1}');
INSERT INTO "revisions" VALUES('e10e3a5d-de2f-41db-8637-0b63223ed73a',1,'bd76872a-89e4-449d-8c66-5234bf35f875',1,'4de4fd5a-9f01-44c2-b708-11b43d55723d','be68b1a3-d8dd-48c4-876d-f52021fa266b',1764338400022,'{"id": "e10e3a5d-de2f-41db-8637-0b63223ed73a", "level": "sub-action", "parent_id": "373e7057-44d2-4c9b-bd8d-aaf4f4aad174", "start_frame": 60, "end_frame": 90, "start_ms": 2400, "end_ms": 3600, "label": "BB-S1", "path": [], "is_no_element": false, "discard": null, "is_deleted": false, "origin": null, "codebook_number": null, "confirmed": null, "version": 1}');
INSERT INTO "revisions" VALUES('bb02f8e3-5433-5321-a385-aaf15741863a',1,'c7705cc1-f33f-4eb2-94a8-9f2a7e0da4e3',0,NULL,'be68b1a3-d8dd-48c4-876d-f52021fa266b',1764338400026,'{"id": "bb02f8e3-5433-5321-a385-aaf15741863a", "level": "sub-action", "parent_id": "373e7057-44d2-4c9b-bd8d-aaf4f4aad174", "start_frame": 60, "end_frame": 90, "start_ms": 2400, "end_ms": 3600, "label": "BB-S1", "path": [], "is_no_element": false, "discard": null, "is_deleted": false, "origin": {"kind": "copy", "id": "e10e3a5d-de2f-41db-8637-0b63223ed73a"}, "codebook_number": null, "confirmed": null, "version": 1}');
INSERT INTO "revisions" VALUES('bb02f8e3-5433-5321-a385-aaf15741863a',2,'c7705cc1-f33f-4eb2-94a8-9f2a7e0da4e3',1,'2a5bebfa-1b66-4ae9-bd05-6a607b1d6e02','be68b1a3-d8dd-48c4-876d-f52021fa266b',1764338400027,'{"id": "bb02f8e3-5433-5321-a385-aaf15741863a", "level": "sub-action", "parent_id": "373e7057-44d2-4c9b-bd8d-aaf4f4aad174", "start_frame": 60, "end_frame": 90, "start_ms": 2400, "end_ms": 3600, "label": "t2", "path": [{"query": "q_turn", "answer": "yes"}, {"query": "q_half", "answer": "no"}, {"query": "q_tuck", "answer": "yes"}], "is_no_element": false, "discard": null, "is_deleted": false, "origin": {"kind": "copy", "id": "e10e3a5d-de2f-41db-8637-0b63223ed73a"}, "codebook_number": 1, "confirmed": null, "version": 2}');
CREATE TABLE secrets (
	name VARCHAR(40) NOT NULL, 
	value VARCHAR(200) NOT NULL, 
	CONSTRAINT pk_secrets PRIMARY KEY (name)
);
INSERT INTO "secrets" VALUES('media','_DeRb4sKxVXdHVVZA0nxRcATF38mNzzWRm4EyfAgfR4');
CREATE TABLE segments (
	id VARCHAR(36) NOT NULL, 
	pass_id VARCHAR(36) NOT NULL, 
	level VARCHAR(20) NOT NULL, 
	parent_id VARCHAR(36), 
	start_frame INTEGER NOT NULL, 
	end_frame INTEGER NOT NULL, 
	start_ms BIGINT NOT NULL, 
	end_ms BIGINT NOT NULL, 
	label VARCHAR(200), 
	path JSON NOT NULL, 
	is_no_element BOOLEAN NOT NULL, 
	discard VARCHAR(20), 
	is_deleted BOOLEAN NOT NULL, 
	origin JSON, 
	codebook_number INTEGER, 
	confirmed JSON, 
	version INTEGER NOT NULL, 
	author_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_segments PRIMARY KEY (id), 
	CONSTRAINT fk_segments_author_id FOREIGN KEY(author_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_segments_pass_id FOREIGN KEY(pass_id) REFERENCES passes (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "segments" VALUES('373e7057-44d2-4c9b-bd8d-aaf4f4aad174','f2092de4-77f2-4a50-aa79-35ab75f23d2a','action',NULL,50,300,2000,12000,'BB','[]',0,NULL,0,NULL,NULL,NULL,1,'c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338400017);
INSERT INTO "segments" VALUES('50268691-2596-4f35-8142-ead987062aa8','f2092de4-77f2-4a50-aa79-35ab75f23d2a','action',NULL,320,400,12800,16000,'VT','[]',0,NULL,0,NULL,NULL,NULL,1,'c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338400017);
INSERT INTO "segments" VALUES('e10e3a5d-de2f-41db-8637-0b63223ed73a','bd76872a-89e4-449d-8c66-5234bf35f875','sub-action','373e7057-44d2-4c9b-bd8d-aaf4f4aad174',60,90,2400,3600,'BB-S1','[]',0,NULL,0,NULL,NULL,NULL,1,'be68b1a3-d8dd-48c4-876d-f52021fa266b',1764338400022);
INSERT INTO "segments" VALUES('bb02f8e3-5433-5321-a385-aaf15741863a','c7705cc1-f33f-4eb2-94a8-9f2a7e0da4e3','sub-action','373e7057-44d2-4c9b-bd8d-aaf4f4aad174',60,90,2400,3600,'t2','[{"query": "q_turn", "answer": "yes"}, {"query": "q_half", "answer": "no"}, {"query": "q_tuck", "answer": "yes"}]',0,NULL,0,'{"kind": "copy", "id": "e10e3a5d-de2f-41db-8637-0b63223ed73a"}',1,NULL,2,'be68b1a3-d8dd-48c4-876d-f52021fa266b',1764338400027);
CREATE TABLE sessions (
	id VARCHAR(36) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	csrf_token VARCHAR(64) NOT NULL, 
	person_id VARCHAR(36) NOT NULL, 
	created_at_ms BIGINT NOT NULL, 
	seen_at_ms BIGINT NOT NULL, 
	expires_at_ms BIGINT NOT NULL, 
	ended_at_ms BIGINT, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sessions_person_id FOREIGN KEY(person_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_sessions_token_hash UNIQUE (token_hash)
);
INSERT INTO "sessions" VALUES('f49a78a1-492c-46f0-89bf-aa5517191035','a1cee2e5c1d13b161cf7ae5f638ee73b875c386819fa7fbc817e14f462503a98','wVAAspd-FpSnxJ571XGchEfbk0Pm60cxVlyyKGEBER4','d4e88e08-fed4-48ef-a616-d4bbf20147bc',1764338400002,1764338400002,1765548000002,NULL);
INSERT INTO "sessions" VALUES('fa943abe-cd9f-4684-9c78-1c5753215322','654c3498e22d47752f8a244cfc305b06e44288c9ba0ff49faaee5eaa4128a990','k6TDBpmE53VdXWCeqPcJn3JP66JkXxPXp6mqwonIznU','ebbc38c0-608f-4571-92ae-5937715e3e9e',1764338400005,1764338400005,1765548000005,NULL);
INSERT INTO "sessions" VALUES('b089f9e1-4948-4100-88f0-19114a2e33be','7d70d114e81c91ab3925d4fd4d13d8ff6db402bf1fef952e827268e0fce3fb2b','wxCSBBy0bkMLF6nh1rOPykn6aLD-_nwNfmoriVHzd74','3dbdebf8-9103-4b24-9aff-9d1e97921601',1764338400007,1764338400007,1765548000007,NULL);
INSERT INTO "sessions" VALUES('21e92036-341d-42d2-882d-4dc681b0b698','2920936b336bb03a2961b04a8760be90c6d123f5861b7ac8e1f2b41152c1a325','2oFa9VJ2UtSricmuHMFdiMAgBzWHimYxA0BMjfvb0TA','c402de45-1896-4ad9-9eff-3aaf97bf06d9',1764338400009,1764338400009,1765548000009,NULL);
INSERT INTO "sessions" VALUES('2970114c-60e5-4527-9530-cd01ebfa068d','108b0e94ec851ee18cb64dfcc5e79bba473496a549198f54a2b21cbf07333cc1','xIw7j8Ez5Xe-ftMrRtp7qVGc7p9evo6c6FKOLtTxFeA','be68b1a3-d8dd-48c4-876d-f52021fa266b',1764338400011,1764338400011,1765548000011,NULL);
INSERT INTO "sessions" VALUES('a746ceeb-362c-4234-a5ee-86c32ff4b9bd','2d91969d60deef9a85ba1e5c93a2580631f4ec18b3863b43f0bb9474942c5ede','MH4a8QXJqELY6LSMS8xBt7yKYsvZ5ZHuiAl4bhbE5ik','3e7c925f-787c-49c1-a542-86a2e3b51d64',1764338400013,1764338400013,1765548000013,NULL);
CREATE TABLE suggestion_answers (
	pass_id VARCHAR(36) NOT NULL, 
	suggestion_id VARCHAR(36) NOT NULL, 
	answer VARCHAR(20), 
	segment_id VARCHAR(36), 
	operation_uuid VARCHAR(36) NOT NULL, 
	CONSTRAINT pk_suggestion_answers PRIMARY KEY (pass_id, suggestion_id), 
	CONSTRAINT fk_suggestion_answers_pass_id FOREIGN KEY(pass_id) REFERENCES passes (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE suggestion_batches (
	id VARCHAR(36) NOT NULL, 
	project_id VARCHAR(36) NOT NULL, 
	name VARCHAR(300) NOT NULL, 
	model VARCHAR(300) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	provenance JSON NOT NULL, 
	author_id VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	withdrawn_at_ms BIGINT, 
	CONSTRAINT pk_suggestion_batches PRIMARY KEY (id), 
	CONSTRAINT fk_suggestion_batches_author_id FOREIGN KEY(author_id) REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_suggestion_batches_project_id FOREIGN KEY(project_id) REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE suggestions (
	id VARCHAR(36) NOT NULL, 
	batch_id VARCHAR(36) NOT NULL, 
	record_id VARCHAR(36) NOT NULL, 
	level VARCHAR(20) NOT NULL, 
	start_frame INTEGER NOT NULL, 
	end_frame INTEGER NOT NULL, 
	start_ms BIGINT NOT NULL, 
	end_ms BIGINT NOT NULL, 
	label VARCHAR(200) NOT NULL, 
	score DOUBLE NOT NULL, 
	is_kept BOOLEAN NOT NULL, 
	CONSTRAINT pk_suggestions PRIMARY KEY (id), 
	CONSTRAINT fk_suggestions_batch_id FOREIGN KEY(batch_id) REFERENCES suggestion_batches (id), 
	CONSTRAINT fk_suggestions_record_id FOREIGN KEY(record_id) REFERENCES records (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ix_login_attempts_key_at_ms ON login_attempts ("key", at_ms);
CREATE INDEX ix_attachments_project_id ON attachments (project_id);
CREATE INDEX ix_codebooks_project_id ON codebooks (project_id);
CREATE INDEX ix_drift_alarms_project_id ON drift_alarms (project_id);
CREATE INDEX ix_exams_project_id ON exams (project_id);
CREATE INDEX ix_guidelines_project_id ON guidelines (project_id);
CREATE INDEX ix_invitations_project_id ON invitations (project_id);
CREATE INDEX ix_jobs_project_id ON jobs (project_id);
CREATE INDEX ix_log_project_id ON log (project_id);
CREATE INDEX ix_memberships_person_project ON memberships (person_id, project_id);
CREATE INDEX ix_memberships_project_id ON memberships (project_id);
CREATE INDEX ix_records_project_id ON records (project_id);
CREATE INDEX ix_suggestion_batches_project_id ON suggestion_batches (project_id);
CREATE INDEX ix_chunks_record_id ON chunks (record_id);
CREATE INDEX ix_exam_attempts_exam_id ON exam_attempts (exam_id);
CREATE INDEX ix_exam_attempts_project_id ON exam_attempts (project_id);
CREATE INDEX ix_exam_tries_exam_id ON exam_tries (exam_id);
CREATE INDEX ix_items_action_id ON items (action_id);
CREATE INDEX ix_items_project_id ON items (project_id);
CREATE INDEX ix_items_project_stage_state ON items (project_id, stage, state);
CREATE INDEX ix_items_record_id ON items (record_id);
CREATE INDEX ix_overlaps_project_id ON overlaps (project_id);
CREATE INDEX ix_overlaps_record_id ON overlaps (record_id);
CREATE INDEX ix_suggestions_batch_id ON suggestions (batch_id);
CREATE INDEX ix_suggestions_record_frames ON suggestions (record_id, start_frame, end_frame);
CREATE INDEX ix_suggestions_record_id ON suggestions (record_id);
CREATE INDEX ix_comparisons_item_id ON comparisons (item_id);
CREATE INDEX ix_comparisons_project_id ON comparisons (project_id);
CREATE INDEX ix_comparisons_project_state ON comparisons (project_id, state);
CREATE INDEX ix_passes_item_id ON passes (item_id);
CREATE INDEX ix_passes_project_id ON passes (project_id);
CREATE INDEX ix_comments_pass_id ON comments (pass_id);
CREATE INDEX ix_gold_grades_pass_id ON gold_grades (pass_id);
CREATE INDEX ix_gold_items_item_id ON gold_items (item_id);
CREATE INDEX ix_gold_items_pass_id ON gold_items (pass_id);
CREATE INDEX ix_gold_items_project_id ON gold_items (project_id);
CREATE INDEX ix_gold_items_record_id ON gold_items (record_id);
CREATE INDEX ix_operations_pass_id ON operations (pass_id);
CREATE INDEX ix_rechecks_pass_id ON rechecks (pass_id);
CREATE INDEX ix_rechecks_project_id ON rechecks (project_id);
CREATE INDEX ix_revisions_pass_id ON revisions (pass_id);
CREATE INDEX ix_revisions_pass_version ON revisions (pass_id, pass_version);
CREATE INDEX ix_segments_pass_id ON segments (pass_id);
CREATE INDEX ix_suggestion_answers_pass_id ON suggestion_answers (pass_id);
CREATE INDEX ix_gold_answers_attempt_id ON gold_answers (attempt_id);
CREATE INDEX ix_gold_answers_gold_id ON gold_answers (gold_id);
CREATE INDEX ix_gold_answers_item_id ON gold_answers (item_id);
CREATE INDEX ix_gold_answers_person_stage ON gold_answers (project_id, person_id, stage);
CREATE INDEX ix_gold_answers_project_id ON gold_answers (project_id);
COMMIT;
