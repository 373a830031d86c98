-- Begin a new generation: forget the programmes, and refuse everything but a rebuild under this epoch.
--
-- The stream is kept: what it still has to tell stays true, and its followers see the epoch change.
--
-- KEYS[3] the server that the data lives on
-- ARGV[5] new epoch, ARGV[6] the server's run id, or ''
-- Result  {'rebuilding'} when this epoch is not higher than every other | {'ok'}

local known = highest_epoch()
if known and tonumber(known) >= tonumber(ARGV[5]) then return {'rebuilding'} end
redis.call('UNLINK', KEYS[1], KEYS[3])
begin_epoch('@rebuilding', ARGV[5])
if ARGV[6] ~= '' then redis.call('SET', KEYS[3], ARGV[6]) end
return {'ok'}
