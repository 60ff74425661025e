-- Acts of an operator that came after undo. These have more parameters now.

drop function if exists tracker.requeue_failed(int2, int8[]);
