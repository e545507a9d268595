BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0015');
CREATE TABLE appointments (
	source_id TEXT NOT NULL, 
	first_asked_at BIGINT, 
	due_at BIGINT, 
	claimed_until BIGINT, 
	looked_at BIGINT, 
	attempts BIGINT NOT NULL, trouble TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_appointments PRIMARY KEY (source_id)
);
INSERT INTO "appointments" VALUES('01J00000000000000000000002',1772366409000000,1772366409000000,NULL,1772366403000000,0,'');
CREATE TABLE asks (
	place INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	source_id TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	delivery_id TEXT, 
	rebuild_ids TEXT NOT NULL, 
	asked_at BIGINT NOT NULL
, traceparent TEXT, suggested_number BIGINT);
INSERT INTO "asks" VALUES(2,'01J00000000000000000000002','sweep',NULL,'[]',1772366410000000,NULL,NULL);
INSERT INTO "asks" VALUES(3,'01J00000000000000000000002','push','d-01J00000000000000000000018','[]',1772366409000000,NULL,NULL);
CREATE TABLE bases (
	reference TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	CONSTRAINT pk_bases PRIMARY KEY (reference)
);
CREATE TABLE builds (
	id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	state TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	repository_url TEXT NOT NULL, 
	commit_id TEXT NOT NULL, 
	context_dir TEXT NOT NULL, 
	path TEXT NOT NULL, 
	environment_id TEXT NOT NULL, 
	project_id TEXT NOT NULL, 
	is_fresh BOOLEAN NOT NULL, 
	attempt INTEGER NOT NULL, 
	recipe TEXT NOT NULL, 
	failure TEXT, 
	image TEXT, 
	created_at BIGINT NOT NULL, 
	not_before BIGINT, 
	started_at BIGINT, 
	completed_at BIGINT, declared TEXT, phases TEXT, traceparent TEXT, kept TEXT, previous_image TEXT, ref TEXT, 
	CONSTRAINT pk_builds PRIMARY KEY (id)
);
INSERT INTO "builds" VALUES('01J00000000000000000000008','3b3f9e6f07015e0bef87555ad30aa3d301aa7b2fc12309dc34117e2fb3b0429c','succeeded','pip','file:///REPOSITORY_PATH','de1dda691f817e5d8b760728adc3ca73ec238a69','','requirements.txt','environment-01J00000000000000000000001','project-1',0,1,'{"builder":"python","frontend":"none","platform":"linux/amd64","builder_image":"told/1 none","scope":"","private_to":""}',NULL,'{"reference":"told@sha256:0000000000000000000000000000000000000001j00000000000000000000008","size":1,"packages":[["six","1.17.0","pip"]],"built_at":"2026-03-01T12:00:06+00:00","build_id":"01J00000000000000000000008"}',1772366403000000,NULL,1772366403000000,1772366409000000,'["six"]','[]',NULL,'["requirements.txt"]',NULL,'refs/heads/main');
CREATE TABLE bus_events (
	place INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	body TEXT NOT NULL, 
	published_at BIGINT NOT NULL, 
	CONSTRAINT uq_bus_events_id UNIQUE (id)
);
INSERT INTO "bus_events" VALUES(1,'01J00000000000000000000004','push.received.v1','{"specversion":"1.0","id":"01J00000000000000000000004","source":"/relaunch","type":"dev.relaunch.push.received.v1","time":"2026-03-01T12:00:00Z","datacontenttype":"application/json","data":{"repository":{"host":"localhost","path":"REPOSITORY_PATH","url":"file:///REPOSITORY_PATH"},"before":"","after":"","evidence":"launcher","is_by_old_secret":false,"source_ids":["01J00000000000000000000002"],"rebuild_ids":["01J00000000000000000000003"],"received_at":"2026-03-01T12:00:00+00:00"}}',1772366409000000);
INSERT INTO "bus_events" VALUES(2,'01J00000000000000000000006','environment.evaluated.v1','{"specversion":"1.0","id":"01J00000000000000000000006","source":"/relaunch","type":"dev.relaunch.environment.evaluated.v1","time":"2026-03-01T12:00:03Z","subject":"01J00000000000000000000002","datacontenttype":"application/json","data":{"evaluation_id":"01J00000000000000000000005","source_id":"01J00000000000000000000002","repository":{"host":"localhost","path":"REPOSITORY_PATH","url":"file:///REPOSITORY_PATH"},"generation":1,"evidence":"launcher","delivery_ids":[],"verdict":"initial","reason":"first_definition","message":"First environment definition seen: requirements.txt.","commit":"de1dda691f817e5d8b760728adc3ca73ec238a69","ref":"refs/heads/main","kind":"pip","path":"requirements.txt","fingerprint":"ed6a6072fc41ddabd29d2f0c6082ea004130e1c63a285188e60540f7de52ea82","changed":["requirements.txt"]}}',1772366409000000);
INSERT INTO "bus_events" VALUES(3,'01J00000000000000000000007','rebuild.requested.v1','{"specversion":"1.0","id":"01J00000000000000000000007","source":"/relaunch","type":"dev.relaunch.rebuild.requested.v1","time":"2026-03-01T12:00:03Z","subject":"environment-01J00000000000000000000001","datacontenttype":"application/json","data":{"rebuild_id":"01J00000000000000000000003","environment_id":"environment-01J00000000000000000000001","launcher_id":"01J00000000000000000000001","source_id":"01J00000000000000000000002","evaluation_id":"01J00000000000000000000005","generation":1,"build_key":"3b3f9e6f07015e0bef87555ad30aa3d301aa7b2fc12309dc34117e2fb3b0429c","repository":{"host":"localhost","path":"REPOSITORY_PATH","url":"file:///REPOSITORY_PATH"},"commit":"de1dda691f817e5d8b760728adc3ca73ec238a69","context_dir":"","kind":"pip","path":"requirements.txt","builder":"python","frontend":"none","platform":"linux/amd64","evidence":"launcher","fresh":false}}',1772366409000000);
INSERT INTO "bus_events" VALUES(4,'01J00000000000000000000009','build.started.v1','{"specversion":"1.0","id":"01J00000000000000000000009","source":"/relaunch","type":"dev.relaunch.build.started.v1","time":"2026-03-01T12:00:03Z","subject":"01J00000000000000000000008","datacontenttype":"application/json","data":{"build_id":"01J00000000000000000000008","build_key":"3b3f9e6f07015e0bef87555ad30aa3d301aa7b2fc12309dc34117e2fb3b0429c","attempt":1,"repository_url":"file:///REPOSITORY_PATH","commit":"de1dda691f817e5d8b760728adc3ca73ec238a69","rebuild_ids":["01J00000000000000000000003"]}}',1772366409000000);
INSERT INTO "bus_events" VALUES(5,'01J00000000000000000000010','build.finished.v1','{"specversion":"1.0","id":"01J00000000000000000000010","source":"/relaunch","type":"dev.relaunch.build.finished.v1","time":"2026-03-01T12:00:09Z","subject":"01J00000000000000000000008","datacontenttype":"application/json","data":{"build_id":"01J00000000000000000000008","build_key":"3b3f9e6f07015e0bef87555ad30aa3d301aa7b2fc12309dc34117e2fb3b0429c","outcome":"succeeded","image":"told@sha256:0000000000000000000000000000000000000001j00000000000000000000008","rebuild_ids":["01J00000000000000000000003"],"reason":"built"}}',1772366409000000);
INSERT INTO "bus_events" VALUES(6,'01J00000000000000000000011','launcher.updated.v1','{"specversion":"1.0","id":"01J00000000000000000000011","source":"/relaunch","type":"dev.relaunch.launcher.updated.v1","time":"2026-03-01T12:00:09Z","subject":"01J00000000000000000000001","datacontenttype":"application/json","data":{"launcher_id":"01J00000000000000000000001","environment_id":"environment-01J00000000000000000000001","project_id":"project-1","action":"moved","image":"told@sha256:0000000000000000000000000000000000000001j00000000000000000000008","generation":1,"rebuild_id":"01J00000000000000000000003","commit":"de1dda691f817e5d8b760728adc3ca73ec238a69"}}',1772366409000000);
INSERT INTO "bus_events" VALUES(7,'01J00000000000000000000013','push.received.v1','{"specversion":"1.0","id":"01J00000000000000000000013","source":"/relaunch","type":"dev.relaunch.push.received.v1","time":"2026-03-01T12:00:09Z","datacontenttype":"application/json","data":{"repository":{"host":"localhost","path":"REPOSITORY_PATH","url":"file:///REPOSITORY_PATH"},"ref":"refs/heads/main","before":"","after":"","default_branch":"main","evidence":"push","delivery_id":"d-01J00000000000000000000012","hook_id":"hook-1","is_by_old_secret":false,"source_ids":[],"rebuild_ids":[],"received_at":"2026-03-01T12:00:09+00:00"}}',1772366409000000);
CREATE TABLE bus_queue (
	place INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	role TEXT NOT NULL, 
	error TEXT NOT NULL, 
	event INTEGER NOT NULL, 
	attempts BIGINT NOT NULL, 
	available_at BIGINT NOT NULL, 
	claimed_by TEXT, 
	claimed_until BIGINT, 
	died_at BIGINT, 
	CONSTRAINT uq_bus_queue_role_event UNIQUE (role, event), 
	CONSTRAINT fk_bus_queue_event FOREIGN KEY(event) REFERENCES bus_events (place)
);
INSERT INTO "bus_queue" VALUES(1,'evaluate','RuntimeError: a bug of then',1,1,1772366409000000,NULL,NULL,1772366409000000);
INSERT INTO "bus_queue" VALUES(2,'notify','',2,0,1772366409000000,NULL,NULL,NULL);
INSERT INTO "bus_queue" VALUES(3,'build','',3,0,1772366409000000,NULL,NULL,NULL);
INSERT INTO "bus_queue" VALUES(4,'build','',5,0,1772366409000000,NULL,NULL,NULL);
INSERT INTO "bus_queue" VALUES(5,'rollout','',5,0,1772366409000000,NULL,NULL,NULL);
INSERT INTO "bus_queue" VALUES(6,'notify','',5,0,1772366409000000,NULL,NULL,NULL);
INSERT INTO "bus_queue" VALUES(7,'evaluate','',7,0,1772366409000000,NULL,NULL,NULL);
CREATE TABLE deliveries (
	id TEXT NOT NULL, 
	hook_id TEXT NOT NULL, 
	event TEXT NOT NULL, 
	status TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	message TEXT NOT NULL, 
	repository TEXT NOT NULL, 
	ref TEXT NOT NULL, 
	"before" TEXT NOT NULL, 
	"after" TEXT NOT NULL, 
	forge_delivery_id TEXT, 
	headers TEXT NOT NULL, 
	received_at BIGINT NOT NULL, 
	count BIGINT NOT NULL, is_by_old_secret BOOLEAN DEFAULT false NOT NULL, 
	CONSTRAINT pk_deliveries PRIMARY KEY (id)
);
INSERT INTO "deliveries" VALUES('d-01J00000000000000000000018','hook-1','push','accepted','tracked','Some source follows this ref.','REPOSITORY_PATH','refs/heads/main','','',NULL,'{}',1772366409000000,1,0);
CREATE TABLE evaluation_deliveries (
	delivery_id TEXT NOT NULL, 
	evaluation_id TEXT NOT NULL, 
	CONSTRAINT pk_evaluation_deliveries PRIMARY KEY (delivery_id, evaluation_id), 
	CONSTRAINT fk_evaluation_deliveries_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES evaluations (id)
);
CREATE TABLE evaluations (
	id TEXT NOT NULL, 
	source_id TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	message TEXT NOT NULL, 
	commit_id TEXT, 
	ref TEXT, 
	previous TEXT, 
	fingerprint TEXT, 
	kind TEXT, 
	delivery_ids TEXT NOT NULL, 
	changed TEXT NOT NULL, 
	items TEXT NOT NULL, 
	findings TEXT NOT NULL, 
	generation BIGINT NOT NULL, 
	started_at BIGINT NOT NULL, 
	completed_at BIGINT NOT NULL, 
	CONSTRAINT pk_evaluations PRIMARY KEY (id), 
	CONSTRAINT fk_evaluations_source_id FOREIGN KEY(source_id) REFERENCES sources (id)
);
INSERT INTO "evaluations" VALUES('01J00000000000000000000005','01J00000000000000000000002','launcher','initial','first_definition','First environment definition seen: requirements.txt.','de1dda691f817e5d8b760728adc3ca73ec238a69','refs/heads/main',NULL,'ed6a6072fc41ddabd29d2f0c6082ea004130e1c63a285188e60540f7de52ea82','pip','[]','["requirements.txt"]','[[".claude","absent","","input"],[".codex","absent","","input"],[".pi","absent","","input"],[".vscode/extensions.json","absent","","input"],["Brewfile","absent","","input"],["Pipfile","absent","","candidate"],["Procfile","absent","","input"],["init.d","absent","","input"],["jupyterlab_extensions.txt","absent","","input"],["project.toml","absent","","input"],["requirements.txt","100644","3b370b70c8c836cc5d0185f84e8197413e7e4710","definition"],["vendor","absent","","vendor"]]','[{"severity":"note","code":"python_version_default","message":"A requirements.txt is built with Python 3.10, unless the platform is set up otherwise, and cannot ask for another; use environment.yml or pyproject.toml to choose the version.","path":"requirements.txt","line":null,"column":null}]',1,1772366403000000,1772366403000000);
CREATE TABLE fingerprints (
	name TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	CONSTRAINT pk_fingerprints PRIMARY KEY (name)
);
CREATE TABLE hooks (
	id TEXT NOT NULL, 
	forge TEXT NOT NULL, 
	proof TEXT NOT NULL, 
	host TEXT NOT NULL, 
	path TEXT NOT NULL, 
	url TEXT NOT NULL, 
	number BIGINT, 
	secrets TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	rotated_at BIGINT, reach TEXT DEFAULT 'repository' NOT NULL, forge_id TEXT, checkup TEXT, 
	CONSTRAINT pk_hooks PRIMARY KEY (id)
);
INSERT INTO "hooks" VALUES('hook-1','github','hmac','localhost','REPOSITORY_PATH','file:///REPOSITORY_PATH',NULL,'gAAAAABrCcGL2OdYzlbBD65NoHaLlYZkSdKlVOVVfgm9Hs_tTDVSCaM4ZER5qKaRLNMmK2hPTPhwxKVxcJVL2ZCITOmn2DPuqbfejK9OO-0puu3kRrPcIN0=',1772366409000000,NULL,'repository',NULL,'{"at":"2026-03-01T12:00:09+00:00","ailments":["inactive","no_secret"],"since":"2026-03-01T12:00:09+00:00","repaired":[],"redelivered":0,"place":"","trouble":""}');
CREATE TABLE images (
	"key" TEXT NOT NULL, 
	image TEXT NOT NULL, 
	CONSTRAINT pk_images PRIMARY KEY ("key")
);
INSERT INTO "images" VALUES('3b3f9e6f07015e0bef87555ad30aa3d301aa7b2fc12309dc34117e2fb3b0429c','{"reference":"told@sha256:0000000000000000000000000000000000000001j00000000000000000000008","size":1,"packages":[["six","1.17.0","pip"]],"built_at":"2026-03-01T12:00:06+00:00","build_id":"01J00000000000000000000008"}');
CREATE TABLE launcher_names (
	project_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	launcher_id TEXT NOT NULL, 
	CONSTRAINT pk_launcher_names PRIMARY KEY (project_id, name)
);
CREATE TABLE launchers (
	id TEXT NOT NULL, 
	project_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	environment_id TEXT NOT NULL, 
	source_id TEXT NOT NULL, 
	builder TEXT NOT NULL, 
	frontend TEXT NOT NULL, 
	platform TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	launcher_type TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	wanted_generation BIGINT NOT NULL, 
	generation BIGINT NOT NULL, 
	available_generation BIGINT NOT NULL, 
	resource_class_id BIGINT, 
	disk_storage BIGINT, 
	description TEXT, 
	wanted_key TEXT, 
	image TEXT, 
	image_key TEXT, 
	available_image TEXT, 
	available_key TEXT, 
	command TEXT NOT NULL, 
	args TEXT NOT NULL, 
	env_variables TEXT, wanted_builder TEXT, held_key TEXT, held_until BIGINT, rebuild_schedule TEXT DEFAULT 'never' NOT NULL, is_pinned BOOLEAN DEFAULT false NOT NULL, built_at BIGINT, 
	CONSTRAINT pk_launchers PRIMARY KEY (id), 
	CONSTRAINT uq_launchers_environment_id UNIQUE (environment_id), 
	CONSTRAINT fk_launchers_source_id FOREIGN KEY(source_id) REFERENCES sources (id)
);
INSERT INTO "launchers" VALUES('01J00000000000000000000001','project-1','built','environment-01J00000000000000000000001','01J00000000000000000000002','python','none','linux/amd64','automatic','interactive',1772366400000000,1,1,0,NULL,NULL,NULL,'3b3f9e6f07015e0bef87555ad30aa3d301aa7b2fc12309dc34117e2fb3b0429c','told@sha256:0000000000000000000000000000000000000001j00000000000000000000008','3b3f9e6f07015e0bef87555ad30aa3d301aa7b2fc12309dc34117e2fb3b0429c',NULL,NULL,'[]','[]',NULL,'told/1 none',NULL,NULL,'never',0,1772366406000000);
INSERT INTO "launchers" VALUES('01J00000000000000000000014','project-1','waiting','environment-01J00000000000000000000014','01J00000000000000000000002','python','none','linux/amd64','automatic','interactive',1772366409000000,0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]',NULL,NULL,NULL,NULL,'never',0,NULL);
CREATE TABLE leases (
	name TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	held_until BIGINT NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (name)
);
CREATE TABLE log_lines (
	build_id TEXT NOT NULL, 
	phase TEXT NOT NULL, 
	text TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	CONSTRAINT pk_log_lines PRIMARY KEY (build_id, seq), 
	CONSTRAINT fk_log_lines_build_id FOREIGN KEY(build_id) REFERENCES logs (build_id)
);
CREATE TABLE logs (
	build_id TEXT NOT NULL, 
	lines BIGINT NOT NULL, 
	size BIGINT NOT NULL, 
	is_cut BOOLEAN NOT NULL, 
	CONSTRAINT pk_logs PRIMARY KEY (build_id)
);
CREATE TABLE outbox (
	place INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	event TEXT NOT NULL
);
INSERT INTO "outbox" VALUES(8,'{"specversion":"1.0","id":"01J00000000000000000000017","source":"/relaunch","type":"dev.relaunch.push.received.v1","time":"2026-03-01T12:00:09Z","datacontenttype":"application/json","data":{"repository":{"host":"localhost","path":"REPOSITORY_PATH","url":"file:///REPOSITORY_PATH"},"before":"","after":"","evidence":"launcher","is_by_old_secret":false,"source_ids":["01J00000000000000000000002"],"rebuild_ids":["01J00000000000000000000016"],"received_at":"2026-03-01T12:00:09+00:00"}}');
INSERT INTO "outbox" VALUES(9,'{"specversion":"1.0","id":"01J00000000000000000000021","source":"/relaunch","type":"dev.relaunch.push.received.v1","time":"2026-03-01T12:00:09Z","datacontenttype":"application/json","data":{"repository":{"host":"localhost","path":"REPOSITORY_PATH","url":"file:///REPOSITORY_PATH"},"ref":"refs/heads/main","before":"","after":"","default_branch":"main","evidence":"push","delivery_id":"d-01J00000000000000000000020","hook_id":"hook-1","is_by_old_secret":false,"source_ids":[],"rebuild_ids":[],"received_at":"2026-03-01T12:00:09+00:00"}}');
INSERT INTO "outbox" VALUES(10,'{"specversion":"1.0","id":"01J00000000000000000000022","source":"/relaunch","type":"dev.relaunch.hook.unhealthy.v1","time":"2026-03-01T12:00:09Z","subject":"hook-1","datacontenttype":"application/json","data":{"hook_id":"hook-1","forge":"github","repository":{"host":"localhost","path":"REPOSITORY_PATH","url":"file:///REPOSITORY_PATH"},"reach":"repository","reasons":["inactive","no_secret"],"message":"The webhook is switched off at the forge. The webhook has no secret of the expected kind at the forge.","mend":"Open the repository''s webhooks at the forge and switch it on.","since":"2026-03-01T12:00:09+00:00"}}');
CREATE TABLE rebuilds (
	id TEXT NOT NULL, 
	environment_id TEXT NOT NULL, 
	launcher_id TEXT NOT NULL, 
	source_id TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	evaluation_id TEXT, 
	build_id TEXT, 
	image TEXT, 
	is_fresh BOOLEAN NOT NULL, 
	"plan" TEXT, 
	failure TEXT, 
	created_at BIGINT NOT NULL, 
	started_at BIGINT, 
	completed_at BIGINT, "key" TEXT, 
	CONSTRAINT pk_rebuilds PRIMARY KEY (id)
);
INSERT INTO "rebuilds" VALUES('01J00000000000000000000003','environment-01J00000000000000000000001','01J00000000000000000000001','01J00000000000000000000002','launcher','succeeded','built','01J00000000000000000000005','01J00000000000000000000008','told@sha256:0000000000000000000000000000000000000001j00000000000000000000008',0,'{"evaluation_id":"01J00000000000000000000005","generation":1,"key":"3b3f9e6f07015e0bef87555ad30aa3d301aa7b2fc12309dc34117e2fb3b0429c","recipe":{"builder":"python","frontend":"none","platform":"linux/amd64","builder_image":"told/1 none","scope":"","private_to":""},"kind":"pip","commit":"de1dda691f817e5d8b760728adc3ca73ec238a69","path":"requirements.txt","declared":["six"],"kept":["requirements.txt"],"traceparent":null}',NULL,1772366400000000,1772366403000000,1772366409000000,'3b3f9e6f07015e0bef87555ad30aa3d301aa7b2fc12309dc34117e2fb3b0429c');
INSERT INTO "rebuilds" VALUES('01J00000000000000000000016','environment-01J00000000000000000000014','01J00000000000000000000014','01J00000000000000000000002','launcher','queued','',NULL,NULL,NULL,0,NULL,NULL,1772366409000000,NULL,NULL,NULL);
CREATE TABLE sources (
	id TEXT NOT NULL, 
	path TEXT NOT NULL, 
	url TEXT NOT NULL, 
	host TEXT NOT NULL, 
	label TEXT NOT NULL, 
	revision_kind TEXT NOT NULL, 
	revision_name TEXT NOT NULL, 
	context_dir TEXT NOT NULL, 
	number BIGINT, 
	generation BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	seen TEXT, 
	CONSTRAINT pk_sources PRIMARY KEY (id), 
	CONSTRAINT uq_sources_identity UNIQUE (host, label, revision_kind, revision_name, context_dir)
);
INSERT INTO "sources" VALUES('01J00000000000000000000002','REPOSITORY_PATH','file:///REPOSITORY_PATH','localhost','REPOSITORY_PATH','default','','',NULL,1,1772366400000000,'{"commit":"de1dda691f817e5d8b760728adc3ca73ec238a69","ref":"refs/heads/main","fingerprint":"ed6a6072fc41ddabd29d2f0c6082ea004130e1c63a285188e60540f7de52ea82","meaning":"46e81cb5a77f37e6295ba5e4a8d3116ec16243a2da66aac1340d4bb569f10f30","kind":"pip","items":[[".claude","absent","","input"],[".codex","absent","","input"],[".pi","absent","","input"],[".vscode/extensions.json","absent","","input"],["Brewfile","absent","","input"],["Pipfile","absent","","candidate"],["Procfile","absent","","input"],["init.d","absent","","input"],["jupyterlab_extensions.txt","absent","","input"],["project.toml","absent","","input"],["requirements.txt","100644","3b370b70c8c836cc5d0185f84e8197413e7e4710","definition"],["vendor","absent","","vendor"]],"declared":["six"],"is_pinned":false,"rules":"2","is_private":false,"at":"2026-03-01T12:00:03+00:00"}');
CREATE TABLE sweeps (
	source_id TEXT NOT NULL, 
	interval_ms BIGINT NOT NULL, 
	due_at BIGINT NOT NULL, 
	generation BIGINT NOT NULL, 
	CONSTRAINT pk_sweeps PRIMARY KEY (source_id), 
	CONSTRAINT fk_sweeps_source_id FOREIGN KEY(source_id) REFERENCES sources (id)
);
CREATE INDEX ix_sources_host_number ON sources (host, number);
CREATE INDEX ix_launchers_source_id_created_at_id ON launchers (source_id, created_at, id);
CREATE INDEX ix_launchers_project_id_created_at_id ON launchers (project_id, created_at, id);
CREATE INDEX ix_launchers_created_at_id ON launchers (created_at, id);
CREATE INDEX ix_evaluations_source_id_completed_at_id ON evaluations (source_id, completed_at, id);
CREATE INDEX ix_evaluations_commit_id ON evaluations (commit_id);
CREATE INDEX ix_appointments_due_at ON appointments (due_at);
CREATE INDEX ix_asks_source_id_place ON asks (source_id, place);
CREATE INDEX ix_rebuilds_environment_id_created_at_id ON rebuilds (environment_id, created_at, id);
CREATE INDEX ix_rebuilds_build_id ON rebuilds (build_id);
CREATE INDEX ix_rebuilds_evaluation_id ON rebuilds (evaluation_id);
CREATE INDEX ix_rebuilds_state_created_at_id ON rebuilds (state, created_at, id);
CREATE INDEX ix_rebuilds_created_at_id ON rebuilds (created_at, id);
CREATE INDEX ix_builds_state_created_at_id ON builds (state, created_at, id);
CREATE INDEX ix_builds_state_completed_at ON builds (state, completed_at);
CREATE INDEX ix_builds_key_state_completed_at ON builds ("key", state, completed_at);
CREATE INDEX ix_deliveries_forge_delivery_id ON deliveries (forge_delivery_id);
CREATE INDEX ix_deliveries_hook_id_received_at_id ON deliveries (hook_id, received_at, id);
CREATE INDEX ix_deliveries_received_at_id ON deliveries (received_at, id);
CREATE INDEX ix_bus_events_published_at ON bus_events (published_at);
CREATE INDEX ix_bus_queue_live ON bus_queue (role, place) WHERE died_at IS NULL;
CREATE INDEX ix_bus_queue_event ON bus_queue (event);
CREATE INDEX ix_sweeps_due_at ON sweeps (due_at);
CREATE INDEX ix_launchers_name_created_at_id ON launchers (name, created_at, id);
CREATE INDEX ix_launcher_names_launcher_id ON launcher_names (launcher_id);
CREATE INDEX ix_launchers_behind ON launchers (id) WHERE policy <> 'manual' AND wanted_key IS NOT NULL AND (image_key IS NULL OR image_key <> wanted_key) AND (policy <> 'notify' OR available_key IS NULL OR available_key <> wanted_key OR available_generation <= generation) AND (held_key IS NULL OR held_key <> wanted_key OR held_until IS NOT NULL);
CREATE INDEX ix_rebuilds_unfinished ON rebuilds (environment_id) WHERE state IN ('queued', 'running');
CREATE INDEX ix_builds_project_id_repository_url_state_completed_at ON builds (project_id, repository_url, state, completed_at);
CREATE INDEX ix_launchers_scheduled ON launchers (built_at, id) WHERE rebuild_schedule <> 'never';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',10);
INSERT INTO "sqlite_sequence" VALUES('asks',3);
INSERT INTO "sqlite_sequence" VALUES('bus_events',7);
INSERT INTO "sqlite_sequence" VALUES('bus_queue',7);
COMMIT;
