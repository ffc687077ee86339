BEGIN TRANSACTION;
CREATE TABLE aliases (
            programme TEXT, kind TEXT, type TEXT, value TEXT, namespace TEXT, key TEXT NOT NULL,
            PRIMARY KEY (programme, kind, type, value, namespace));
INSERT INTO "aliases" VALUES('spring-2026-7f3k9q','posting','ref','id:P-1','jobs','posting-tudkq37kumvwrirb');
INSERT INTO "aliases" VALUES('spring-2026-7f3k9q','posting','id','P-1','jobs','posting-tudkq37kumvwrirb');
INSERT INTO "aliases" VALUES('spring-2026-7f3k9q','applicant','ref','id:S-1','jobs','applicant-fayx57plcddizwti');
INSERT INTO "aliases" VALUES('spring-2026-7f3k9q','applicant','id','S-1','jobs','applicant-fayx57plcddizwti');
INSERT INTO "aliases" VALUES('spring-2026-7f3k9q','applicant','email','ana.lopez@students.example','','applicant-fayx57plcddizwti');
INSERT INTO "aliases" VALUES('spring-2026-7f3k9q','application','pair','posting-tudkq37kumvwrirb|applicant-fayx57plcddizwti','','application-gnwbryshaajtalhz');
CREATE TABLE contributions (
            programme TEXT, source TEXT, kind TEXT, ref TEXT,
            namespace TEXT NOT NULL, overlay INTEGER NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL,
            local_id TEXT, title TEXT, body TEXT NOT NULL, refs TEXT NOT NULL, origins TEXT NOT NULL,
            digest TEXT NOT NULL, is_primary INTEGER NOT NULL,
            key TEXT, posting TEXT, applicant TEXT, read_no INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0, run TEXT NOT NULL DEFAULT '', changed_at TEXT NOT NULL DEFAULT '', before TEXT NOT NULL DEFAULT '', weight INTEGER NOT NULL DEFAULT 0, unread INTEGER NOT NULL DEFAULT 0, row_digest TEXT NOT NULL DEFAULT '', row_records INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (programme, source, kind, ref));
INSERT INTO "contributions" VALUES('spring-2026-7f3k9q','jobs','posting','id:P-1','jobs',0,'jobs.csv',2,'P-1','Donor dashboard','{"ends_on":"2026-03-20","id":"P-1","starts_on":"2026-03-02","summary":"Find out who gives.\nTwo lines of it.","title":"Donor dashboard"}','{}','{"ends_on":["ends_on",28],"id":["id",7],"starts_on":["starts_on",27],"summary":["summary",9],"title":["title",8]}','qv7bjkhmdmdu37yh',1,'posting-tudkq37kumvwrirb',NULL,NULL,2,0,'20261125T010606Z-1053fd','2026-11-25T01:06:06.665+00:00','qv7bjkhmdmdu37yh',5,0,'',0);
INSERT INTO "contributions" VALUES('spring-2026-7f3k9q','people','application','pair:["posting.id:P-1", "applicant.ref:id:S-1"]','jobs',0,'people.csv',2,NULL,NULL,'{"source_status":"accepted","status":"accepted"}','{"applicant.ref":"id:S-1","posting.id":"P-1"}','{"posting.id":["posting_id",37],"source_status":["status",39],"status":["status",48]}','clwx2ai3iqtqilji',1,'application-gnwbryshaajtalhz','posting-tudkq37kumvwrirb','applicant-fayx57plcddizwti',2,0,'20261125T010606Z-1053fd','2026-11-25T01:06:06.667+00:00','clwx2ai3iqtqilji',4,0,'',0);
INSERT INTO "contributions" VALUES('spring-2026-7f3k9q','people','applicant','id:S-1','jobs',0,'people.csv',2,'S-1',NULL,'{"channel":"import","email":"ana.lopez@students.example","family_name":"Lopez","given_name":"Ana","id":"S-1","initials":"AL","name":"Ana Lopez"}','{}','{"channel":[null,24],"email":["email",12],"family_name":["name",8],"given_name":["name",8],"id":["id",7],"initials":["name",8],"name":["name",8]}','kn2xspj6ujpbs5gg',0,'applicant-fayx57plcddizwti',NULL,NULL,2,0,'20261125T010606Z-1053fd','2026-11-25T01:06:06.667+00:00','kn2xspj6ujpbs5gg',7,0,'',0);
CREATE TABLE counters (programme TEXT, name TEXT, value INTEGER NOT NULL, PRIMARY KEY (programme, name));
INSERT INTO "counters" VALUES('spring-2026-7f3k9q','read',2);
INSERT INTO "counters" VALUES('spring-2026-7f3k9q','source order',2499709751);
CREATE TABLE erased (
            programme TEXT, digest TEXT, owner TEXT NOT NULL, PRIMARY KEY (programme, digest));
INSERT INTO "erased" VALUES('spring-2026-7f3k9q','3oykpb3irohrbvcbn3pokdoclu6fwwfz','erased-l6cygfkltezcf5pn');
INSERT INTO "erased" VALUES('spring-2026-7f3k9q','6uvpy67adtjyobsglvsppk4hkfop4jav','erased-l6cygfkltezcf5pn');
INSERT INTO "erased" VALUES('spring-2026-7f3k9q','dh5mpzyice6yrkfobaxkevhg3m5fvhbq','erased-l6cygfkltezcf5pn');
INSERT INTO "erased" VALUES('spring-2026-7f3k9q','meprwvd46pa5mnmwkifb2ffelnmwp72u','erased-l6cygfkltezcf5pn');
CREATE TABLE files (
            programme TEXT, source TEXT, file TEXT, fingerprint TEXT NOT NULL,
            rows INTEGER NOT NULL, accepted INTEGER NOT NULL, skipped INTEGER NOT NULL, read_no INTEGER NOT NULL, keyless INTEGER NOT NULL DEFAULT 0, content TEXT NOT NULL DEFAULT '', run TEXT NOT NULL DEFAULT '', how TEXT NOT NULL DEFAULT '{}', overlaps INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (programme, source, file));
INSERT INTO "files" VALUES('spring-2026-7f3k9q','jobs','jobs.csv','r4szxt6shtm7s5zi',2,1,0,2,0,'85e982af2e239586dcdf6717050742cc4ad97974478a68d9b84185e48a9e6c62a3f0e4baaea29abdf52bf47ffcbcee62710714cc99ddf859846b7f2209f591c5','20261125T010606Z-1053fd','{"header":["id","title","summary","starts_on","ends_on"],"lacking":[],"mapping":"generic_postings","mapping_digest":"5d6vbj5lhdfotqrz","settings":"y2ultirbmut7zju6","version":"0.1.0"}',0);
INSERT INTO "files" VALUES('spring-2026-7f3k9q','people','people.csv','',2,2,0,2,0,'b9c94097bba1ebd801c1c45c23d2e28bc0a07447819ec628dc38bfe0aa57526cf16376bda989ab87666b121e3f60e52eabfaee3f8b262e51c4ef26d9f5985177','20261125T010607Z-c4f46e','{"header":["id","name","email","posting_id","status"],"lacking":[],"mapping":"generic_applicants","mapping_digest":"f7m4cpfxqluzq7hy","settings":"y2ultirbmut7zju6","version":"0.1.0"}',0);
CREATE TABLE journal (
            seq INTEGER PRIMARY KEY, programme TEXT NOT NULL, target TEXT NOT NULL, key TEXT NOT NULL,
            plan TEXT NOT NULL, run TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL, intent TEXT NOT NULL);
INSERT INTO "journal" VALUES(1,'spring-2026-7f3k9q','board','ep27defkjqohurxi','4dqjdhkwb2y2p34zjr24daekja5i7ww4','20261125T010606Z-1053fd','2026-11-25T01:06:06.764+00:00','done','{"change":{"id":""}}');
INSERT INTO "journal" VALUES(2,'spring-2026-7f3k9q','board','noryqy3wr5qyasvk','4dqjdhkwb2y2p34zjr24daekja5i7ww4','20261125T010606Z-1053fd','2026-11-25T01:06:06.785+00:00','done','{"change":{"id":""}}');
CREATE TABLE labels (
            programme TEXT, applicant TEXT, label TEXT NOT NULL, PRIMARY KEY (programme, applicant));
INSERT INTO "labels" VALUES('spring-2026-7f3k9q','applicant-fayx57plcddizwti','AL');
CREATE TABLE leases (
            programme TEXT, target TEXT, fence BIGINT NOT NULL, holder TEXT NOT NULL, expires_at BIGINT NOT NULL,
            PRIMARY KEY (programme, target));
INSERT INTO "leases" VALUES('spring-2026-7f3k9q','',1,'{"pid": 4711, "host": "office", "since": "2026-11-25T01:06:07.249+00:00", "command": "run"}',0);
INSERT INTO "leases" VALUES('spring-2026-7f3k9q','board',1,'{"pid": 4711, "host": "office", "since": "2026-11-25T01:06:07.249+00:00", "command": "run"}',0);
CREATE TABLE links (
            programme TEXT, target TEXT, key TEXT,
            id TEXT NOT NULL, url TEXT NOT NULL, nonce TEXT NOT NULL, owner TEXT NOT NULL, step TEXT NOT NULL,
            title TEXT NOT NULL, base TEXT NOT NULL, labels TEXT NOT NULL, checklist TEXT NOT NULL,
            archived INTEGER NOT NULL, seen TEXT NOT NULL,
            PRIMARY KEY (programme, target, key));
INSERT INTO "links" VALUES('spring-2026-7f3k9q','board','ep27defkjqohurxi','6b06347e5a1d0b0c5e00001a','http://127.0.0.1:8377/c/I6o3qrvd','rlw473','application-gnwbryshaajtalhz','kickoff','Kickoff: Donor dashboard (AL)','{"body":"l2gnr3ru","checklist":"pgy2hcw2","due":"yvdici45","labels":"m5lbxp2r","start":"pc73ys2w","title":"s2nvwifz","written":"q63fuk5h"}','["kickoff"]','["Send the brief","Give access"]',0,'{"archived":false,"assignees":[],"conflicts":[],"done":false,"due":"2026-03-02","gone":false,"list":"To Do"}');
INSERT INTO "links" VALUES('spring-2026-7f3k9q','board','noryqy3wr5qyasvk','6b06347e5a1d0b0c5e000022','http://127.0.0.1:8377/c/koIfIJ4T','5rqpvj','application-gnwbryshaajtalhz','final','Final: Donor dashboard (AL)','{"body":"pc73ys2w","checklist":"l5ny43ax","due":"ewlwt74w","labels":"qjnaczs6","start":"pc73ys2w","title":"nwvuegsv","written":"bh52qg7u"}','["deliverable"]','[]',0,'{"archived":false,"assignees":[],"conflicts":[],"done":false,"due":"2026-03-20","gone":false,"list":"Wrap-up"}');
CREATE TABLE memories (
            programme TEXT, target TEXT, name TEXT, value TEXT NOT NULL, PRIMARY KEY (programme, target, name));
INSERT INTO "memories" VALUES('spring-2026-7f3k9q','chat','week','2026-11-23');
INSERT INTO "memories" VALUES('spring-2026-7f3k9q','chat','ts','1764032767.000100');
INSERT INTO "memories" VALUES('spring-2026-7f3k9q','chat','said','5ab20b74b2ec3e2a6a2d6a8a2c2c7b41');
CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO "migrations" VALUES(1,'records, links and the journal');
INSERT INTO "migrations" VALUES(2,'files with a row whose key cannot be read');
INSERT INTO "migrations" VALUES(3,'the content of files, and the run that a value came with');
INSERT INTO "migrations" VALUES(4,'who is assigned');
INSERT INTO "migrations" VALUES(5,'people who were erased, and when a row last said something new');
INSERT INTO "migrations" VALUES(6,'how a file was read, and which of several rows about one record speaks');
INSERT INTO "migrations" VALUES(7,'leases, which run out by themselves');
INSERT INTO "migrations" VALUES(8,'what publishers remember');
INSERT INTO "migrations" VALUES(9,'the rows that contributions came from');
CREATE TABLE quarantine (
            programme TEXT, source TEXT, file TEXT, line INTEGER, stage TEXT, digest TEXT NOT NULL,
            field TEXT NOT NULL, why TEXT NOT NULL, since TEXT NOT NULL,
            PRIMARY KEY (programme, source, file, line, stage));
INSERT INTO "quarantine" VALUES('spring-2026-7f3k9q','jobs','jobs.csv',4,'map','vvott5m36iflg2f7','starts_on','column ''starts_on'' is no date that can be read; write it as YYYY-MM-DD, or give the mapping its `dates` formats.','2026-11-25T01:06:06.666+00:00');
CREATE TABLE records (
            programme TEXT, key TEXT, kind TEXT NOT NULL, status TEXT, posting TEXT, applicant TEXT, initials TEXT,
            body TEXT NOT NULL, origins TEXT NOT NULL,
            PRIMARY KEY (programme, key));
INSERT INTO "records" VALUES('spring-2026-7f3k9q','applicant-fayx57plcddizwti','applicant',NULL,NULL,NULL,'AL','{"key":"applicant-fayx57plcddizwti","id":"S-1","name":"Ana Lopez","given_name":"Ana","family_name":"Lopez","initials":"AL","email":"ana.lopez@students.example","phone":null,"school":null,"degree":null,"majors":[],"graduation":null,"gpa":null,"skills":[],"links":[],"resume_url":null,"channel":"import","referred_by":null}','{"channel":["people","id:S-1",null,24],"email":["people","id:S-1","email",12],"family_name":["people","id:S-1","name",8],"given_name":["people","id:S-1","name",8],"id":["people","id:S-1","id",7],"initials":["people","id:S-1","name",8],"name":["people","id:S-1","name",8]}');
INSERT INTO "records" VALUES('spring-2026-7f3k9q','application-gnwbryshaajtalhz','application','accepted','posting-tudkq37kumvwrirb','applicant-fayx57plcddizwti',NULL,'{"key":"application-gnwbryshaajtalhz","id":null,"posting":"posting-tudkq37kumvwrirb","applicant":"applicant-fayx57plcddizwti","status":"accepted","source_status":"accepted","applied_at":null,"accepted_on":null,"starts_on":null,"ends_on":null,"supervisor_name":null,"supervisor_email":null,"notes":null,"answers":{}}','{"source_status":["people","pair:[\"posting.id:P-1\", \"applicant.ref:id:S-1\"]","status",39],"status":["people","pair:[\"posting.id:P-1\", \"applicant.ref:id:S-1\"]","status",48]}');
INSERT INTO "records" VALUES('spring-2026-7f3k9q','posting-tudkq37kumvwrirb','posting',NULL,NULL,NULL,NULL,'{"key":"posting-tudkq37kumvwrirb","id":"P-1","title":"Donor dashboard","summary":"Find out who gives.\nTwo lines of it.","objectives":[],"deliverables":[],"resources":[],"skills":[],"organization":null,"supervisor_name":null,"supervisor_email":null,"location":null,"remote":null,"openings":null,"hours":null,"pay":null,"posted_on":null,"apply_by":null,"starts_on":"2026-03-02","ends_on":"2026-03-20","status":null,"source_status":null,"category":null,"goal":null,"url":null,"meeting_url":null}','{"ends_on":["jobs","id:P-1","ends_on",28],"id":["jobs","id:P-1","id",7],"starts_on":["jobs","id:P-1","starts_on",27],"summary":["jobs","id:P-1","summary",9],"title":["jobs","id:P-1","title",8]}');
CREATE TABLE runs (
            run TEXT PRIMARY KEY, programme TEXT NOT NULL, command TEXT NOT NULL,
            started_at TEXT NOT NULL, ended_at TEXT, status TEXT, exit_code INTEGER, result TEXT);
INSERT INTO "runs" VALUES('20261125T010606Z-1053fd','spring-2026-7f3k9q','run','2026-11-25T01:06:06.662+00:00','2026-11-25T01:06:06.801+00:00','partial',3,'{"exit_code":3,"problems":[{"field":"starts_on","where":"jobs.csv:4","why":"column ''starts_on'' is no date that can be read; write it as YYYY-MM-DD, or give the mapping its `dates` formats."}],"run_id":"20261125T010606Z-1053fd","sources":{"jobs":{"complete":true,"mapped":1,"quarantined":1,"records":1,"rows":2,"skipped":0,"unchanged":0},"people":{"complete":true,"mapped":1,"quarantined":0,"records":2,"rows":1,"skipped":0,"unchanged":0}},"status":"partial","targets":{"board":{"adopted":0,"archived":0,"conflicts":0,"created":2,"dismissed":0,"failed":0,"foreign":0,"requests":10,"unchanged":0,"updated":0}}}');
INSERT INTO "runs" VALUES('20261125T010607Z-c4f46e','spring-2026-7f3k9q','run','2026-11-25T01:06:07.249+00:00','2026-11-25T01:06:07.341+00:00','ok',0,'{"exit_code":0,"problems":[{"field":"starts_on","where":"jobs.csv:4","why":"column ''starts_on'' is no date that can be read; write it as YYYY-MM-DD, or give the mapping its `dates` formats."}],"run_id":"20261125T010607Z-c4f46e","sources":{"jobs":{"complete":true,"mapped":0,"quarantined":1,"records":1,"rows":2,"skipped":0,"unchanged":1},"people":{"complete":true,"mapped":1,"quarantined":0,"records":4,"rows":2,"skipped":0,"unchanged":1}},"status":"ok","targets":{"board":{"adopted":0,"archived":0,"conflicts":0,"created":0,"dismissed":0,"failed":0,"foreign":0,"requests":3,"unchanged":2,"updated":0}}}');
INSERT INTO "runs" VALUES('20261125T010607Z-5ed5c0','spring-2026-7f3k9q','state forget','2026-11-25T01:06:07.763+00:00','2026-11-25T01:06:07.768+00:00','ok',0,'{"exit_code":0,"problems":[],"run_id":"20261125T010607Z-5ed5c0","sources":{},"status":"ok","targets":{}}');
CREATE TABLE targets (
            programme TEXT, target TEXT, board TEXT NOT NULL, PRIMARY KEY (programme, target));
INSERT INTO "targets" VALUES('spring-2026-7f3k9q','board','6b06347e5a1d0b0c5e000003');
CREATE INDEX contributions_id ON contributions (programme, kind, local_id);
CREATE INDEX contributions_title ON contributions (programme, kind, title);
CREATE INDEX contributions_key ON contributions (programme, key);
CREATE INDEX aliases_key ON aliases (programme, key);
CREATE INDEX records_kind ON records (programme, kind, status);
CREATE INDEX records_posting ON records (programme, posting);
CREATE INDEX records_applicant ON records (programme, applicant);
CREATE INDEX journal_open ON journal (programme, target, state);
CREATE INDEX journal_plan ON journal (programme, plan, key);
CREATE INDEX contributions_unlinked ON contributions (programme, kind) WHERE key IS NULL;
CREATE INDEX contributions_row ON contributions (row_digest) WHERE row_digest != '';
CREATE INDEX contributions_gone ON contributions (programme, kind) WHERE gone = 1
        ;
COMMIT;
