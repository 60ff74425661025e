-- An erased name is taken out of the label of a ban, too. Machines go on saying the label as it was: the ban is
-- known by its hash (see ban_hash) from then on. Null: the label stands as it was given.
alter table tracker.ban add column label_hash bytea;
