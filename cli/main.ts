process.stderr.write('evenkeel: no command yet\n');
process.exitCode = 2;
