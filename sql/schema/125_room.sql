-- Where probe_room looks whether a disk has room: always empty, of no value after a crash, and of no interest to a standby.
create unlogged table tracker.room (filler text not null);
alter table tracker.room alter column filler set storage plain;
