-- Close the epoch when the data has come back on another server or after a restart: its last steps may be missing.
--
-- Every connection runs it first, so that nothing is granted on such data.
--
-- KEYS[3] the server that has the data
-- Result  {'ok'} | {'closed', the epoch that was open}

local known, here = redis.call('GET', KEYS[3]), this_server()
if not here or known == here then return {'ok'} end
redis.call('SET', KEYS[3], here)
local open = known and redis.call('HGET', KEYS[1], '@epoch')
if not open then return {'ok'} end
redis.call('HDEL', KEYS[1], '@epoch')
return {'closed', open}
