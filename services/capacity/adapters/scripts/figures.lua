-- Every programme's record and the length of its queue, at one moment.
--
-- Result  {'rebuilding'} | {'ok', epoch, sequence, programme, record, waiting, programme, record, waiting...}

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

return add_figures({'ok', epoch, sequence})
